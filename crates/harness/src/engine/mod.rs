//! A compiled policy, and the calls to it that a policy server makes.

mod answer;
mod error;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use wapc::WapcHost;
use wasmtime_provider::wasmtime::{
    Cache, CacheConfig, Config, Engine, InstanceAllocationStrategy, Module, PoolingAllocationConfig,
};
use wasmtime_provider::{EpochDeadlines, WasmtimeEngineProviderBuilder, WasmtimeEngineProviderPre};

pub use self::answer::{SettingsValidationResponse, ValidationResponse};
pub use self::error::{LoadError, PolicyError};
use self::error::{LoadErrorKind, PolicyErrorKind};
use crate::capabilities::Capabilities;

/// How often the engine checks whether a call takes too long.
const TICK: Duration = Duration::from_millis(10);

/// How many ticks a call may take: the 2 seconds that the policy server allows by default, host calls included.
const DEADLINE: u64 = 200;

/// A compiled policy. Every call runs in a fresh instance.
pub struct Policy {
    module: Arc<WasmtimeEngineProviderPre>,
    capabilities: Arc<Capabilities>,
}

impl Policy {
    /// Reads and compiles the module at `path`; `capabilities` answers its calls.
    ///
    /// # Errors
    /// A [`LoadError`] if the file is not a Kubewarden policy.
    pub fn load(path: &Path, capabilities: Capabilities) -> Result<Self, LoadError> {
        Self::load_with(path, capabilities, Config::new())
    }

    /// Like [`Policy::load`], but each instance has at most this much memory, in bytes.
    ///
    /// # Errors
    /// A [`LoadError`] if the file is not a Kubewarden policy.
    pub fn load_within(path: &Path, capabilities: Capabilities, memory: usize) -> Result<Self, LoadError> {
        let mut pool = PoolingAllocationConfig::new();
        pool.max_memory_size(memory);
        let mut config = Config::new();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        Self::load_with(path, capabilities, config)
    }

    fn load_with(path: &Path, capabilities: Capabilities, config: Config) -> Result<Self, LoadError> {
        let owned = || path.to_owned();
        let bytes = std::fs::read(path).map_err(|source| LoadErrorKind::Unreadable { path: owned(), source })?;
        if !bytes.starts_with(b"\0asm") {
            return Err(LoadErrorKind::NotWasm { path: owned() }.into());
        }
        let compiled = compile(&bytes, config).map_err(|source| LoadErrorKind::Broken { path: owned(), source })?;
        let policy = Self { module: Arc::new(compiled), capabilities: Arc::new(capabilities) };
        match policy.call("protocol_version", b"") {
            Ok(_) => Ok(policy),
            Err(source) => Err(LoadErrorKind::NotAPolicy { path: owned(), source }.into()),
        }
    }

    /// The same policy with other capabilities. It is not compiled again.
    #[must_use]
    pub fn with_capabilities(&self, capabilities: Capabilities) -> Self {
        Self { module: Arc::clone(&self.module), capabilities: Arc::new(capabilities) }
    }

    /// Asks the policy about an AdmissionRequest. The policy gets its text unchanged.
    ///
    /// # Errors
    /// A [`PolicyError`] if the policy gives no answer.
    pub fn validate(&self, request: &RawValue, settings: &Value) -> Result<ValidationResponse, PolicyError> {
        #[derive(Serialize)]
        struct Payload<'a> {
            request: &'a RawValue,
            settings: &'a Value,
        }
        let payload = serde_json::to_vec(&Payload { request, settings }).map_err(PolicyErrorKind::Json)?;
        let answer = self.call("validate", &payload)?;
        Ok(serde_json::from_slice(&answer).map_err(PolicyErrorKind::Json)?)
    }

    /// Asks the policy about settings.
    ///
    /// # Errors
    /// A [`PolicyError`] if the policy gives no answer.
    pub fn validate_settings(&self, settings: &Value) -> Result<SettingsValidationResponse, PolicyError> {
        let answer = self.call("validate_settings", settings.to_string().as_bytes())?;
        Ok(serde_json::from_slice(&answer).map_err(PolicyErrorKind::Json)?)
    }

    /// Calls a waPC function of a fresh instance.
    ///
    /// # Errors
    /// A [`PolicyError`] if the guest traps, returns an error or takes too long.
    pub fn call(&self, function: &str, payload: &[u8]) -> Result<Vec<u8>, PolicyError> {
        let failed = |error: &dyn std::fmt::Display| PolicyErrorKind::Instance(error.to_string());
        let deadlines = EpochDeadlines { wapc_init: DEADLINE, wapc_func: DEADLINE };
        let instance = self.module.rehydrate(Some(deadlines)).map_err(|error| failed(&error))?;
        let capabilities = Arc::clone(&self.capabilities);
        let callback = move |_: u64, binding: &str, namespace: &str, operation: &str, payload: &[u8]| {
            capabilities.answer(binding, namespace, operation, payload).map_err(Into::into)
        };
        let guest = WapcHost::new(Box::new(instance), Some(Box::new(callback))).map_err(|error| failed(&error))?;
        Ok(guest.call(function, payload).map_err(|error| PolicyErrorKind::Call(error.to_string()))?)
    }
}

fn compile(
    bytes: &[u8],
    mut config: Config,
) -> Result<WasmtimeEngineProviderPre, Box<dyn std::error::Error + Send + Sync>> {
    config.epoch_interruption(true);
    // What was compiled before is read again, where the user has a folder for caches. An unoptimised harness compiles for four seconds.
    config.cache(Cache::new(CacheConfig::new()).ok());
    let engine = Engine::new(&config)?;
    let module = Module::new(&engine, bytes)?;
    let pre = WasmtimeEngineProviderBuilder::new().engine(engine.clone()).module(module).build_pre()?;
    // The engine counts ticks and does not make them itself. The thread lives as long as the program.
    std::thread::Builder::new().name("epoch".to_owned()).spawn(move || {
        loop {
            std::thread::sleep(TICK);
            engine.increment_epoch();
        }
    })?;
    Ok(pre)
}
