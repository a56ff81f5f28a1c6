//! What a callable does when it is called.

use crate::{Severity, Threat};

/// The effects that the table of callables knows.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Effect {
    /// Carries attributes that other code may take for methods.
    Carrier,
    /// Builds a class from parts that the caller chooses.
    ClassBuild,
    /// Rebuilds a function from byte code that the caller brings.
    CodeBuild,
    /// Computes a value from its arguments, and nothing else.
    Data,
    /// Keeps a callable and runs it later.
    Deferred,
    /// Loads objects from bytes, a file or an address, and may run what it loads.
    Deser,
    /// Stops, blocks or exhausts the process.
    Dos,
    /// Changes environment variables, which steer programs that start later.
    Environment,
    /// Runs code or commands.
    Exec,
    /// Changes the registry of pickle's extension codes.
    ExtensionRegistry,
    /// Opens files for whatever its arguments say.
    File,
    /// Reads files.
    FileRead,
    /// Tells what files or users there are.
    FileRecon,
    /// Writes, moves or deletes files.
    FileWrite,
    /// Runs a command or code of its own, whatever it is given.
    Fixed,
    /// Installs code that the interpreter calls by itself.
    Hook,
    /// Shows what it is given as a page, with its scripts.
    Html,
    /// Imports a module, which runs it.
    Import,
    /// Keeps a callable with its arguments.
    ImportIndirect,
    /// Calls what it is given.
    Indirect,
    /// Waits for a person to type.
    Interactive,
    /// Hands out the insides of modules, classes or frames.
    Introspect,
    /// Changes the state of the interpreter, of a loader or of an object by name.
    Mutate,
    /// Loads or runs machine code.
    Native,
    /// Crashes native code.
    NativeCrash,
    /// Reads or writes memory by address.
    NativeMemory,
    /// Hands bytes to a parser in native code.
    NativeParser,
    /// Reaches the network.
    Network,
    /// Looks names up, and so carries data out.
    NetworkDns,
    /// Makes an instance that is only data.
    New,
    /// Turns bytes into others, which hides what they are.
    Obfuscation,
    /// May be named, as data; calling it was not reviewed.
    Ref,
    /// Changes the table by which a loader renames globals.
    Remap,
    /// Turns a string into what it names.
    Resolve,
    /// Belongs to a scanner of models, and no model needs it.
    ScannerDeactivation,
    /// Opens shared memory by name.
    SharedMemory,
    /// Changes the registry of the operating system.
    SystemRegistry,
    /// Reads XML, whose entities may name files and addresses.
    XmlEntities,
}

impl Effect {
    /// The word used in the table and in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Carrier => "exec:carrier",
            Self::ClassBuild => "exec:class-build",
            Self::Data => "data",
            Self::CodeBuild => "exec:code-build",
            Self::Deferred => "exec:deferred",
            Self::Deser => "exec:deser",
            Self::Dos => "exec:dos",
            Self::Environment => "exec:env",
            Self::Exec => "exec",
            Self::ExtensionRegistry => "import:ext-registry",
            Self::File => "file",
            Self::FileRead => "file:read",
            Self::FileRecon => "file:recon",
            Self::FileWrite => "file:write",
            Self::Fixed => "exec:fixed",
            Self::Hook => "exec:hook",
            Self::Html => "exec:html",
            Self::Import => "import",
            Self::ImportIndirect => "import:indirect",
            Self::Indirect => "exec:indirect",
            Self::Interactive => "exec:interactive",
            Self::Introspect => "import:introspect",
            Self::Mutate => "exec:mutate",
            Self::Native => "native",
            Self::NativeCrash => "native:crash",
            Self::NativeMemory => "native:mem",
            Self::NativeParser => "native:parser",
            Self::Network => "network",
            Self::NetworkDns => "network:dns",
            Self::New => "data:new",
            Self::Obfuscation => "exec:obfuscation",
            Self::Ref => "data:ref",
            Self::Remap => "import:remap",
            Self::Resolve => "import:resolve",
            Self::ScannerDeactivation => "exec:scanner-deactivation",
            Self::SharedMemory => "file:shm",
            Self::SystemRegistry => "file:registry",
            Self::XmlEntities => "file:xxe",
        }
    }

    /// Which kind of threat a call of it is.
    #[must_use]
    pub const fn threat(self) -> Threat {
        match self {
            Self::Carrier
            | Self::ClassBuild
            | Self::CodeBuild
            | Self::Deferred
            | Self::Deser
            | Self::Environment
            | Self::Exec
            | Self::Fixed
            | Self::Hook
            | Self::Html
            | Self::ImportIndirect
            | Self::Indirect
            | Self::Interactive
            | Self::Mutate
            | Self::Native => Threat::CodeExecution,
            Self::File
            | Self::FileRead
            | Self::FileRecon
            | Self::FileWrite
            | Self::SharedMemory
            | Self::SystemRegistry
            | Self::XmlEntities => Threat::FileAccess,
            Self::Network | Self::NetworkDns => Threat::NetworkAccess,
            Self::NativeCrash | Self::NativeMemory | Self::NativeParser => Threat::ParserExploit,
            Self::Dos => Threat::ResourceExhaustion,
            Self::Obfuscation | Self::ScannerDeactivation => Threat::Evasion,
            Self::Data
            | Self::ExtensionRegistry
            | Self::Import
            | Self::Introspect
            | Self::New
            | Self::Ref
            | Self::Remap
            | Self::Resolve => Threat::UnsafeModule,
        }
    }

    /// What a call of it does, as the end of a sentence that begins with its name.
    #[must_use]
    pub const fn does(self) -> &'static str {
        match self {
            Self::Carrier => "carries attributes that other code may take for methods",
            Self::ClassBuild => "builds a class from parts that the file chooses",
            Self::CodeBuild => "rebuilds a function from byte code in the file",
            Self::Data | Self::New | Self::Ref => "only handles data",
            Self::Deferred => "runs what it is given later, when nobody watches",
            Self::Deser => "loads further objects and may run what they name",
            Self::Dos => "stops or exhausts the process that loads the file",
            Self::Environment => "changes environment variables of the process",
            Self::Exec => "runs code or commands that the file chooses",
            Self::ExtensionRegistry => "changes what the extension codes of pickles stand for",
            Self::File => "opens files that the file chooses",
            Self::FileRead => "reads files that the file chooses",
            Self::FileRecon => "tells what is on the machine that loads the file",
            Self::FileWrite => "writes, moves or deletes files that the file chooses",
            Self::Fixed => "runs a command or code of its own on the machine that loads the file",
            Self::Hook => "installs code that the interpreter calls by itself",
            Self::Html => "shows a page with scripts that the file chooses",
            Self::Import => "imports a module that the file chooses, which runs it",
            Self::ImportIndirect | Self::Indirect => "calls whatever it is given",
            Self::Interactive => "waits for a person to type",
            Self::Introspect => "hands out the insides of the interpreter",
            Self::Mutate => "changes the interpreter or the loader under way",
            Self::Native => "loads or runs machine code",
            Self::NativeCrash => "crashes native code",
            Self::NativeMemory => "reads or writes memory at addresses that the file chooses",
            Self::NativeParser => "hands bytes of the file to a parser in native code",
            Self::Network => "reaches the network",
            Self::NetworkDns => "looks names up on the network, which can carry data out",
            Self::Obfuscation => "turns bytes into others, which hides what they are",
            Self::Remap => "changes the names under which a loader finds globals",
            Self::Resolve => "turns a string into whatever it names",
            Self::ScannerDeactivation => "acts on a scanner of models, which no model needs",
            Self::SharedMemory => "opens shared memory under a name that the file chooses",
            Self::SystemRegistry => "changes the registry of the operating system",
            Self::XmlEntities => "reads XML, whose entities may name files and addresses",
        }
    }

    /// Whether nothing that it is given makes it do harm by itself.
    #[must_use]
    pub const fn is_harmless(self) -> bool {
        matches!(self, Self::Data | Self::New | Self::Ref)
    }

    /// Whether it calls the callables that it is given, at once or later.
    #[must_use]
    pub const fn calls_arguments(self) -> bool {
        matches!(self, Self::Deferred | Self::ImportIndirect | Self::Indirect)
    }

    /// Whether it builds functions or classes from parts that the file brings.
    #[must_use]
    pub const fn builds(self) -> bool {
        matches!(self, Self::ClassBuild | Self::CodeBuild)
    }

    /// How bad a call of it is whose arguments are what an attacker wants them to be.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::Data | Self::New | Self::Ref => Severity::Info,
            Self::CodeBuild
            | Self::Deferred
            | Self::Deser
            | Self::Exec
            | Self::ImportIndirect
            | Self::Indirect
            | Self::Native => Severity::Critical,
            Self::Dos
            | Self::Environment
            | Self::ExtensionRegistry
            | Self::File
            | Self::FileRead
            | Self::FileWrite
            | Self::Hook
            | Self::Import
            | Self::Mutate
            | Self::NativeCrash
            | Self::NativeMemory
            | Self::NativeParser
            | Self::Network
            | Self::NetworkDns
            | Self::Remap
            | Self::Resolve
            | Self::ScannerDeactivation
            | Self::SharedMemory
            | Self::SystemRegistry
            | Self::XmlEntities => Severity::High,
            Self::Carrier
            | Self::ClassBuild
            | Self::FileRecon
            | Self::Fixed
            | Self::Html
            | Self::Interactive
            | Self::Introspect
            | Self::Obfuscation => Severity::Medium,
        }
    }

    /// How bad it is to name it without a call that davy can see.
    #[must_use]
    pub const fn severity_when_named(self) -> Severity {
        match self {
            Self::Data | Self::New | Self::Ref => Severity::Info,
            Self::CodeBuild
            | Self::Deser
            | Self::Environment
            | Self::Exec
            | Self::ExtensionRegistry
            | Self::FileWrite
            | Self::Hook
            | Self::Import
            | Self::Mutate
            | Self::Native
            | Self::NativeCrash
            | Self::NativeMemory
            | Self::Network
            | Self::Remap
            | Self::ScannerDeactivation
            | Self::SystemRegistry => Severity::High,
            Self::ClassBuild
            | Self::Deferred
            | Self::File
            | Self::FileRead
            | Self::Introspect
            | Self::NativeParser
            | Self::NetworkDns
            | Self::Resolve
            | Self::SharedMemory
            | Self::XmlEntities => Severity::Medium,
            Self::Carrier
            | Self::Dos
            | Self::FileRecon
            | Self::Fixed
            | Self::Html
            | Self::ImportIndirect
            | Self::Indirect
            | Self::Interactive
            | Self::Obfuscation => Severity::Low,
        }
    }
}
