//! A compiled policy, and the calls that the policy server makes to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use wapc::WapcHost;
use wasmtime_provider::wasmtime::{Config, Engine, InstanceAllocationStrategy, Module, PoolingAllocationConfig};
use wasmtime_provider::{EpochDeadlines, WasmtimeEngineProviderBuilder, WasmtimeEngineProviderPre};

use crate::host::Host;

/// How often the engine looks at the clock.
const TICK: Duration = Duration::from_millis(10);

/// How many ticks a call may take: the 2 seconds that the policy server allows by default, host calls included.
const DEADLINE: u64 = 200;

/// A policy that was compiled once, and is instantiated anew for every call.
pub struct Policy {
    module: WasmtimeEngineProviderPre,
    host: Arc<Host>,
}

/// Why a file is no policy.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("{path}: the policy cannot be read; build it with `make policy.wasm`", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file holds no WebAssembly.
    #[error("{path}: not a WebAssembly module; expected a Kubewarden policy", path = .path.display())]
    NotWasm {
        /// The file.
        path: PathBuf,
    },
    /// The module is damaged, or uses what the engine does not know.
    #[error("{path}: the WebAssembly module cannot be compiled", path = .path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What Wasmtime said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The module lacks what a policy exports.
    #[error("{path}: a WebAssembly module, but no Kubewarden policy; it does not answer the waPC call `protocol_version`", path = .path.display())]
    NotAPolicy {
        /// The file.
        path: PathBuf,
        /// What the engine said.
        source: PolicyError,
    },
}

/// A call to the policy that gave no answer. A correct policy never causes one.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The module cannot be instantiated.
    #[error("the policy cannot be instantiated: {0}")]
    Instance(String),
    /// The guest trapped, took too long or answered with an error.
    #[error("the policy failed: {0}")]
    Call(String),
    /// The guest's answer is of another form.
    #[error("the policy's answer cannot be read")]
    Answer(#[from] serde_json::Error),
}

/// What the policy says about a request: the SDK's `ValidationResponse`.
#[derive(Debug, Clone, Deserialize)]
pub struct Verdict {
    /// Whether the object may pass.
    pub accepted: bool,
    /// Why it may not.
    pub message: Option<String>,
    /// The status code of a rejection.
    pub code: Option<u16>,
    /// The object as it should be stored.
    pub mutated_object: Option<Value>,
    /// Remarks for the audit log.
    pub audit_annotations: Option<std::collections::BTreeMap<String, String>>,
    /// Remarks for the sender.
    pub warnings: Option<Vec<String>>,
}

/// What the policy says about its settings.
#[derive(Debug, Clone, Deserialize)]
pub struct SettingsVerdict {
    /// Whether a policy server would start with them.
    pub valid: bool,
    /// Why it would not.
    pub message: Option<String>,
}

impl Policy {
    /// Reads and compiles the module at `path`; `host` answers its calls.
    ///
    /// # Errors
    /// A [`LoadError`] where the file is no Kubewarden policy.
    pub fn load(path: &Path, host: Host) -> Result<Self, LoadError> {
        Self::load_with(path, host, Config::new())
    }

    /// The same for guests that can get no more memory than this, in bytes.
    ///
    /// # Errors
    /// A [`LoadError`] where the file is no Kubewarden policy.
    pub fn load_within(path: &Path, host: Host, memory: usize) -> Result<Self, LoadError> {
        let mut pool = PoolingAllocationConfig::new();
        pool.max_memory_size(memory);
        let mut config = Config::new();
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        Self::load_with(path, host, config)
    }

    fn load_with(path: &Path, host: Host, config: Config) -> Result<Self, LoadError> {
        let owned = || path.to_owned();
        let bytes = std::fs::read(path).map_err(|source| LoadError::Unreadable { path: owned(), source })?;
        if !bytes.starts_with(b"\0asm") {
            return Err(LoadError::NotWasm { path: owned() });
        }
        let compiled = compile(&bytes, config).map_err(|source| LoadError::Broken { path: owned(), source })?;
        let policy = Self { module: compiled, host: Arc::new(host) };
        match policy.call("protocol_version", b"") {
            Ok(_) => Ok(policy),
            Err(source) => Err(LoadError::NotAPolicy { path: owned(), source }),
        }
    }

    /// Asks the policy about an AdmissionRequest, which is handed over as it is written.
    ///
    /// # Errors
    /// A [`PolicyError`] where the policy gives no answer.
    pub fn validate(&self, request: &RawValue, settings: &Value) -> Result<Verdict, PolicyError> {
        #[derive(Serialize)]
        struct Payload<'a> {
            request: &'a RawValue,
            settings: &'a Value,
        }
        let answer = self.call("validate", &serde_json::to_vec(&Payload { request, settings })?)?;
        Ok(serde_json::from_slice(&answer)?)
    }

    /// Asks the policy about settings.
    ///
    /// # Errors
    /// A [`PolicyError`] where the policy gives no answer.
    pub fn validate_settings(&self, settings: &Value) -> Result<SettingsVerdict, PolicyError> {
        let answer = self.call("validate_settings", &serde_json::to_vec(settings)?)?;
        Ok(serde_json::from_slice(&answer)?)
    }

    /// Calls a waPC function of a fresh instance.
    ///
    /// # Errors
    /// A [`PolicyError`] where the guest traps, answers with an error or takes too long.
    pub fn call(&self, function: &str, payload: &[u8]) -> Result<Vec<u8>, PolicyError> {
        let failed = |error: &dyn std::fmt::Display| PolicyError::Instance(error.to_string());
        let deadlines = EpochDeadlines { wapc_init: DEADLINE, wapc_func: DEADLINE };
        let instance = self.module.rehydrate(Some(deadlines)).map_err(|error| failed(&error))?;
        let host = Arc::clone(&self.host);
        let callback = move |_: u64, binding: &str, namespace: &str, operation: &str, payload: &[u8]| {
            host.answer(binding, namespace, operation, payload).map_err(Into::into)
        };
        let guest = WapcHost::new(Box::new(instance), Some(Box::new(callback))).map_err(|error| failed(&error))?;
        guest.call(function, payload).map_err(|error| PolicyError::Call(error.to_string()))
    }
}

fn compile(
    bytes: &[u8],
    mut config: Config,
) -> Result<WasmtimeEngineProviderPre, Box<dyn std::error::Error + Send + Sync>> {
    config.epoch_interruption(true);
    let engine = Engine::new(&config)?;
    let module = Module::new(&engine, bytes)?;
    let pre = WasmtimeEngineProviderBuilder::new().engine(engine.clone()).module(module).build_pre()?;
    // Lives as long as the program: the engine counts ticks, and somebody has to make them.
    std::thread::Builder::new().name("epoch".to_owned()).spawn(move || {
        loop {
            std::thread::sleep(TICK);
            engine.increment_epoch();
        }
    })?;
    Ok(pre)
}
