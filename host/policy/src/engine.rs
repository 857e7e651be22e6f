//! The sandbox: how components are compiled, what they are given, and where they are stopped.

use crate::bindings::{Jurisdiction, JurisdictionPre};
use crate::{CONTRACT, LoadError, wasi};
use model::terms::Digest;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use wasmtime::component::{Component, ComponentExportIndex, HasSelf, Linker};
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig, StoreLimits, StoreLimitsBuilder};

/// Fuel per call, in WebAssembly operators. The founding policies burn under 100,000 on a full matter, so this leaves a
/// hundredfold margin and ends a loop after about ten milliseconds. Fuel is exact and the same everywhere: it decides.
pub const FUEL: u64 = 10_000_000;

/// Time per call. Only a watchdog behind the fuel, for time spent where no fuel is burnt; it is rough by one tick.
pub const WATCHDOG: Duration = Duration::from_millis(500);

/// How often the watchdog looks.
const TICK: Duration = Duration::from_millis(20);

/// Linear memory of one decision, in bytes. A policy of the founding kind touches under 2 MiB.
pub const MEMORY_BYTES: usize = 16 << 20;

/// Stack of a guest, in bytes: deep recursion ends here, well inside a host thread's stack.
const STACK_BYTES: usize = 512 << 10;

/// What crosses the boundary in one call, in bytes, before the host stops reading an answer.
pub const ANSWER_BYTES: usize = 1 << 20;

/// Decisions that run at the same moment at most: one more is a fault, and denied. Whoever has more threads has the others wait.
pub const AT_ONCE: u32 = 64;

/// Lines that a policy logs for its author are kept up to this many bytes per call.
pub const LOG_BYTES: usize = 4 << 10;

/// Why the sandbox could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("the policy sandbox could not be set up: {0}")]
pub struct EngineError(String);

/// The compiler and sandbox all policies share. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    engine: wasmtime::Engine,
    linker: Linker<Guest>,
    /// What is in use of what was compiled, by the bytes' digest: revisions of one component differ in their settings mostly.
    compiled: Mutex<HashMap<Digest, Weak<Prepared>>>,
}

/// A compiled component that fits the contract.
pub(crate) struct Prepared {
    pub(crate) pre: JurisdictionPre<Guest>,
    /// Where `decide` is. A decision looks up and type-checks this export alone: `describe` returns a whole charter, and
    /// checking its type takes longer than many a rule.
    pub(crate) decide: ComponentExportIndex,
}

/// What the host keeps beside a running guest.
pub(crate) struct Guest {
    pub(crate) limits: StoreLimits,
    pub(crate) lines: Vec<String>,
    pub(crate) line_bytes: usize,
}

impl crate::bindings::JurisdictionImports for Guest {
    fn log(&mut self, line: String) {
        if self.line_bytes + line.len() <= LOG_BYTES {
            self.line_bytes += line.len();
            self.lines.push(line);
        }
    }
}

impl crate::bindings::magistrate::policy::terms::Host for Guest {}
impl crate::bindings::magistrate::policy::facts::Host for Guest {}
impl crate::bindings::magistrate::policy::rulings::Host for Guest {}

impl Engine {
    /// Sets up the sandbox and starts its watchdog thread, which ends with the last clone.
    ///
    /// # Errors
    /// [`EngineError`] where the machine cannot reserve the pool's address space or start a thread.
    pub fn new() -> Result<Self, EngineError> {
        let failed = |e: wasmtime::Error| EngineError(format!("{e:#}"));
        let engine = wasmtime::Engine::new(&config()).map_err(failed)?;
        let mut linker = Linker::new(&engine);
        Jurisdiction::add_to_linker::<_, HasSelf<_>>(&mut linker, |guest| guest).map_err(failed)?;
        wasi::link(&mut linker).map_err(failed)?;
        let inner = Arc::new(Inner { engine, linker, compiled: Mutex::default() });
        let watched = Arc::downgrade(&inner);
        std::thread::Builder::new()
            .name("policy-watchdog".to_owned())
            .spawn(move || tick(&watched))
            .map_err(|e| EngineError(e.to_string()))?;
        Ok(Self { inner })
    }

    /// Compiles a component, unless one of the same bytes is in use.
    pub(crate) fn prepare(&self, bytes: &[u8], digest: Digest) -> Result<Arc<Prepared>, LoadError> {
        let compiled = || self.inner.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(prepared) = compiled().get(&digest).and_then(Weak::upgrade) {
            return Ok(prepared);
        }
        let prepared = Arc::new(self.compile(bytes)?);
        let mut kept = compiled();
        kept.retain(|_, other| other.strong_count() > 0);
        kept.insert(digest, Arc::downgrade(&prepared));
        Ok(prepared)
    }

    fn compile(&self, bytes: &[u8]) -> Result<Prepared, LoadError> {
        let engine = &self.inner.engine;
        let component =
            Component::from_binary(engine, bytes).map_err(|e| LoadError::NotAComponent(e.root_cause().to_string()))?;
        admit(component.component_type().imports(engine).map(|(name, _)| name))?;
        let refused = |e: wasmtime::Error| LoadError::NotAPolicy(format!("{e:#}"));
        let pre = self.inner.linker.instantiate_pre(&component).map_err(refused)?;
        let decide = component
            .get_export_index(None, "decide")
            .ok_or_else(|| LoadError::NotAPolicy("it does not export `decide`".to_owned()))?;
        Ok(Prepared { pre: JurisdictionPre::new(pre).map_err(refused)?, decide })
    }

    pub(crate) fn store(&self) -> wasmtime::Result<wasmtime::Store<Guest>> {
        let limits = StoreLimitsBuilder::new()
            .memory_size(MEMORY_BYTES)
            .memories(1)
            .tables(4)
            .table_elements(10_000)
            .instances(16)
            .trap_on_grow_failure(true)
            .build();
        let guest = Guest { limits, lines: Vec::new(), line_bytes: 0 };
        let mut store = wasmtime::Store::new(&self.inner.engine, guest);
        store.limiter(|guest| &mut guest.limits);
        store.set_fuel(FUEL)?;
        store.set_epoch_deadline(u64::try_from(WATCHDOG.as_millis() / TICK.as_millis()).unwrap_or(1) + 1);
        store.set_hostcall_fuel(ANSWER_BYTES);
        store.set_max_component_handles(64);
        Ok(store)
    }
}

/// Only what is linked may be imported; all of the rest is said by name, because the author needs the names.
fn admit<'a>(imports: impl Iterator<Item = &'a str>) -> Result<(), LoadError> {
    let mut forbidden = Vec::new();
    for name in imports {
        let (interface, version) = name.split_once('@').unwrap_or((name, ""));
        if interface.starts_with("magistrate:policy/") {
            if version != CONTRACT {
                return Err(LoadError::WrongContract { found: version.to_owned() });
            }
        } else if name != "log" && !(wasi::INTERFACES.contains(&interface) && version.starts_with("0.2.")) {
            forbidden.push(name.to_owned());
        }
    }
    if forbidden.is_empty() { Ok(()) } else { Err(LoadError::ForbiddenImports(forbidden)) }
}

fn config() -> Config {
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(AT_ONCE)
        .total_core_instances(AT_ONCE * 4)
        .total_memories(AT_ONCE)
        .total_tables(AT_ONCE * 4)
        .max_memories_per_component(1)
        .max_tables_per_component(4)
        .max_memory_size(MEMORY_BYTES)
        .table_elements(10_000)
        // Pages a guest touched are wiped in place instead of being given back and faulted in again: a third of the time
        // of a decision. The figures are what a founding policy touches.
        .linear_memory_keep_resident(2 << 20)
        .table_keep_resident(32 << 10)
        .pagemap_scan(Enabled::Auto);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool))
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(STACK_BYTES)
        // The same matter must give the same decision on every machine.
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .wasm_relaxed_simd(false)
        .wasm_simd(false)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_tail_call(false)
        // A policy is compiled in a quarter of a second. On two cores compiling side by side takes longer, not shorter.
        .parallel_compilation(false);
    config
}

fn tick(watched: &Weak<Inner>) {
    while let Some(inner) = watched.upgrade() {
        inner.engine.increment_epoch();
        drop(inner);
        std::thread::sleep(TICK);
    }
}
