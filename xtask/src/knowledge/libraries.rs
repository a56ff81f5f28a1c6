//! Which libraries are read, and how their source is had.

use crate::{Outcome, paths, say};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Libraries that are analysed together, since they call each other; those behind the bar are only
/// read for what the others call.
pub struct Group {
    pub packages: &'static [&'static str],
    pub with: &'static [&'static str],
}

/// Everything that real model files, published gadgets or both name, as far as it is sold as a wheel.
pub const GROUPS: &[Group] = &[
    Group {
        packages: &[
            "catboost",
            "category-encoders",
            "cloudpickle",
            "dill",
            "imbalanced-learn",
            "joblib",
            "lightgbm",
            "networkx",
            "numexpr",
            "numpy",
            "pandas",
            "patsy",
            "pyarrow",
            "scikit-learn",
            "scipy",
            "skops",
            "statsmodels",
            "xgboost",
        ],
        with: &[],
    },
    Group {
        packages: &[
            "accelerate",
            "fastai",
            "fastcore",
            "gymnasium",
            "monai",
            "pytorch-lightning",
            "safetensors",
            "sentence-transformers",
            "stable-baselines3",
            "timm",
            "torch",
            "torchvision",
            "ultralytics",
        ],
        with: &["numpy"],
    },
    Group {
        packages: &["datasets", "diffusers", "huggingface-hub", "tokenizers", "transformers"],
        with: &["numpy"],
    },
    Group {
        packages: &["h5py", "keras", "onnx", "onnxruntime", "tensorflow", "tf-keras"],
        with: &["numpy"],
    },
    Group {
        packages: &["catalogue", "flair", "gensim", "nltk", "spacy", "srsly", "thinc"],
        with: &["numpy"],
    },
    Group {
        packages: &[
            "aiohttp",
            "asteval",
            "cffi",
            "click",
            "deepdiff",
            "django",
            "execnet",
            "fabric",
            "fickling",
            "gevent",
            "gitpython",
            "httpx",
            "hydra-core",
            "hyperpyyaml",
            "invoke",
            "ipython",
            "jinja2",
            "jsonpickle",
            "lazy-loader",
            "mako",
            "mlflow",
            "msgpack-numpy",
            "numcodecs",
            "omegaconf",
            "paramiko",
            "pexpect",
            "pillow",
            "pip",
            "plumbum",
            "psutil",
            "python-dotenv",
            "pyyaml",
            "requests",
            "setuptools",
            "sh",
            "simpleeval",
            "six",
            "sympy",
            "tables",
            "tensorizer",
            "tornado",
            "traitlets",
            "werkzeug",
            "zope-interface",
        ],
        with: &["httpcore", "ptyprocess", "urllib3"],
    },
];

/// Kinds of machines whose wheels are asked for, the smallest files first: only the Python in them
/// is read, which is the same in all.
const PLATFORMS: &[&[&str]] = &[
    &["macosx_11_0_arm64", "macosx_12_0_arm64", "macosx_14_0_arm64", "macosx_10_9_universal2"],
    &[
        "manylinux_2_17_x86_64",
        "manylinux2014_x86_64",
        "manylinux_2_28_x86_64",
        "manylinux1_x86_64",
    ],
];

/// Where the sources of a package lie.
pub fn folder(package: &str) -> PathBuf {
    paths::root().join("target/knowledge").join(package)
}

/// The name of the wheel that a package was taken from, where it was.
pub fn wheel(package: &str) -> Option<String> {
    let name = fs::read_to_string(folder(package).join(".wheel")).ok()?;
    Some(name.trim().to_owned())
}

/// `numpy 2.3.4` of `numpy-2.3.4-cp311-….whl`.
pub fn title(package: &str, wheel: &str) -> String {
    format!("{package} {}", wheel.split('-').nth(1).unwrap_or("?"))
}

/// The root of the sources that a module was read from, and its file below that.
pub fn source_of(module: &[&str]) -> Option<(PathBuf, PathBuf)> {
    let folders = GROUPS.iter().flat_map(|group| group.packages).map(|package| folder(package));
    let standard = standard().into_iter().rev().map(|(_, folder)| folder);
    let path: PathBuf = module.iter().collect();
    folders.chain(standard).find_map(|root| {
        let files = [path.with_extension("py"), path.join("__init__.py")];
        files.into_iter().find(|file| root.join(file).is_file()).map(|file| (root, file))
    })
}

/// Downloads the wheels that are not there and unpacks the Python in them. A wheel that cannot be had
/// is named, and what is known about its library stays as it is.
pub fn fetch() -> Outcome {
    for package in GROUPS.iter().flat_map(|group| group.packages.iter().chain(group.with)) {
        if wheel(package).is_some() {
            continue;
        }
        match download(package) {
            Ok(name) => say(format_args!("{package}: {name}")),
            Err(why) => say(format_args!("{package}: not to be had: {why}")),
        }
    }
    Ok(())
}

fn download(package: &str) -> Result<String, Box<dyn Error>> {
    let parts = paths::root().join("target/knowledge/.download").join(package);
    if parts.exists() {
        fs::remove_dir_all(&parts)?;
    }
    fs::create_dir_all(&parts)?;
    let had = PLATFORMS.iter().any(|platforms| {
        let mut pip = Command::new("python3");
        pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]);
        pip.args(["--python-version", "3.11", "--implementation", "cp"]);
        pip.args(["--abi", "cp311", "--abi", "abi3", "--abi", "none"]);
        platforms.iter().for_each(|platform| {
            pip.args(["--platform", platform]);
        });
        pip.arg("--dest").arg(&parts).arg(package);
        pip.output().is_ok_and(|done| done.status.success())
    });
    if !had {
        return Err("no wheel for these platforms".into());
    }
    let wheel = fs::read_dir(&parts)?.next().ok_or("no wheel")??.path();
    unpack(&wheel, &folder(package))?;
    let name = wheel.file_name().unwrap_or_default().to_string_lossy().into_owned();
    fs::write(folder(package).join(".wheel"), &name)?;
    fs::remove_dir_all(&parts)?;
    Ok(name)
}

fn unpack(wheel: &Path, folder: &Path) -> Outcome {
    fs::create_dir_all(folder)?;
    let status = Command::new("unzip")
        .args(["-q", "-o"])
        .arg(wheel)
        .args(["*.py", "-d"])
        .arg(folder)
        .status()?;
    if status.success() { Ok(()) } else { Err("cannot be unpacked".into()) }
}

/// The standard libraries of this machine: version and folder, oldest first.
pub fn standard() -> Vec<(String, PathBuf)> {
    let Some(home) = std::env::home_dir() else { return Vec::new() };
    let Ok(entries) = fs::read_dir(home.join(".pyenv/versions")) else { return Vec::new() };
    let mut found: Vec<(Vec<u32>, String, PathBuf)> = Vec::new();
    for entry in entries.flatten() {
        let version = entry.file_name().to_string_lossy().into_owned();
        let numbers: Vec<u32> = version.split('.').filter_map(|part| part.parse().ok()).collect();
        let [major, minor, ..] = numbers[..] else { continue };
        let folder = entry.path().join(format!("lib/python{major}.{minor}"));
        if folder.is_dir() {
            found.push((numbers, version, folder));
        }
    }
    found.sort();
    found.into_iter().map(|(_, version, folder)| (version, folder)).collect()
}
