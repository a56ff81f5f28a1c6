//! The one list of rules.

use crate::Detector;
use crate::calls::{
    computed_callable::ComputedCallable, extension_code::ExtensionCode,
    injected_hook::InjectedHook, mutated_module::MutatedModule,
    scanner_deactivation::ScannerDeactivation, unknown_import::UnknownImport,
    unsafe_call::UnsafeCall, unsafe_callable_argument::UnsafeCallableArgument,
    unsafe_import::UnsafeImport,
};

/// Every rule that davy knows, by name.
pub const CATALOG: &[&dyn Detector] = &[
    &ComputedCallable,
    &ExtensionCode,
    &InjectedHook,
    &MutatedModule,
    &ScannerDeactivation,
    &UnknownImport,
    &UnsafeCall,
    &UnsafeCallableArgument,
    &UnsafeImport,
];
