//! `knowledge`: derives what the callables of libraries can do from their source.

mod call;
mod effects;
mod emit;
mod external;
mod flow;
mod ir;
mod lower;
mod machine;
mod names;
mod primitives;
mod sources;
mod value;

pub fn probe(args: Vec<String>) {
    let table = |name: &str| std::fs::read_to_string(format!("/work/wt/knowledge/crates/rules/knowledge/{name}")).unwrap();
    let primitives = primitives::Primitives::parse(&table("primitives.tsv"), &table("callables.tsv"), &table("methods.tsv")).unwrap();
    let mut program = ir::Program::default();
    let start = std::time::Instant::now();
    for (at, root) in args.iter().take_while(|arg| *arg != "--").enumerate() {
        let reading = sources::read(&mut program, std::path::Path::new(root), at as u32, at == 0).unwrap();
        println!("{root}: {} files, {} lines, {} refused", reading.files, reading.lines, reading.refused.len());
        for (path, why) in reading.refused.iter().take(3) { println!("   {path}: {why}"); }
    }
    println!("parsed {:?}, {} funcs, {} classes", start.elapsed(), program.funcs.len(), program.classes.len());
    let mut machine = machine::Machine::new(program, primitives);
    machine.review();
    machine.run();
    println!("analysed {:?}, {} units", start.elapsed(), machine.units.len());
    if let Ok(path) = std::env::var("ROWS") {
        use std::fmt::Write as _;
        let mut out = String::new();
        for library in 0..args.iter().take_while(|a| *a != "--").count() {
            for (name, row) in machine.rows(library as u32) { let _ = writeln!(out, "{library}\t{name}\t{}\t{:?}", if row.fills {"fills"} else {""}, row.verdict); }
        }
        std::fs::write(path, out).unwrap();
        println!("rows {:?}", start.elapsed());
    }
    let wanted: Vec<&String> = args.iter().skip_while(|arg| *arg != "--").skip(1).collect();
    for at in 0..machine.units.len() {
        let name = machine.unit_name(at as u32);
        if wanted.iter().any(|w| **w == name) {
            let unit = &machine.units[at];
            println!("{name} [{}] unresolved={:?} asked={:x} result={:?} extras={:?}", if unit.class == machine::NO_CLASS { String::new() } else { machine.class_name(unit.class) },
                unit.summary.unresolved.map(|s| machine.names.text(s)), unit.summary.asked, unit.summary.result, unit.extras.iter().map(|e| match e { machine::Extra::Field(s) => format!("self.{}", machine.names.text(*s)), machine::Extra::Captured(s) => format!("free {}", machine.names.text(*s)) }).collect::<Vec<_>>());
            for ((effect, source), via) in &unit.summary.effects {
                let mut path = String::new();
                let (mut step, mut key) = (via.step, (*effect, *source));
                for _ in 0..12 {
                    path += " > "; path += &machine.step_name(step);
                    if let machine::Step::Unit(u, s) = step { key.1 = s; match machine.units[u as usize].summary.effects.get(&key) { Some(v) => step = v.step, None => break } } else { break }
                }
                println!("    {} via {source} ({}){path}", effects::word(*effect), via.length);
            }
        }
    }
}
