//! Functions of libraries that hand out, or call, attributes by names that stand in the file.

use super::heap::V;
use super::machine::Machine;
use davy_artifact::{Manner, Name};

impl Machine<'_> {
    /// `getattr(object, name)(*rest)`, where the name stands at `at`.
    pub(super) fn call_method(&mut self, args: &[V], at: usize) -> Option<V> {
        let name = self.heap.string(*args.get(at)?, 4096)?;
        let method = self.attribute(*args.first()?, &name, "getattr");
        let rest = args.get(at.saturating_add(1)..).unwrap_or_default().to_vec();
        let rest = self.heap.tuple(&rest);
        Some(self.invoke_as(method, rest, Manner::Through("getattr")))
    }

    /// `dill._dill._getattr(class, name, printed)`, which evaluates what stands behind the third quote
    /// of `printed` and takes the name out of it: of an honest one the class itself.
    pub(super) fn descriptor(&mut self, args: &[V]) -> Option<V> {
        let [class, name, printed] = args else { return None };
        let (name, printed) = (self.heap.string(*name, 255)?, self.heap.string(*printed, 4096)?);
        let owner = printed.split('\'').nth(3)?;
        let word = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'))
        };
        if !word(owner) || !word(&name) {
            return None;
        }
        let is_owner = |class: &Name| class.name.rsplit('.').next() == owner.rsplit('.').next();
        let class = match self.heap.name(*class) {
            Some(named) if is_owner(named) => *class,
            _ => self.heap.global(Name::new("builtins", owner)),
        };
        Some(self.attribute(class, &name, "getattr"))
    }

    /// What `getattr(module, name)` hands out; of the module `types` a type stays what the call says.
    pub(super) fn module_attribute(&mut self, module: &str, name: V) -> Option<V> {
        let name = self.heap.string(name, 255)?;
        if module == "types" && name.ends_with("Type") {
            return None;
        }
        let module = self.heap.module(module);
        Some(self.attribute(module, &name, "getattr"))
    }

    /// `base.a.b`, by a dotted path.
    pub(super) fn walk(&mut self, base: V, path: V, by: &'static str) -> Option<V> {
        let path = self.heap.string(path, 4096)?;
        let parts = path.split('.').take(64);
        Some(parts.fold(base, |base, part| self.attribute(base, part, by)))
    }
}
