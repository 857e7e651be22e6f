//! What a policy author depends on.
//!
//! A policy is a type with a [`Charter`](rulings::Charter) and a set of rules, exported with [`policy!`]. A rule is a
//! function that reads the [`Case`] and speaks for one clause at a time, so that it reads like the clause it cites:
//!
//! ```
//! use magistrate_sdk::{Case, facts::Media};
//!
//! /// 5.1 Facial recognition software may only be used on a still image of an individual.
//! fn still_images_only(case: &mut Case) {
//!     let Some(probe) = case.probe() else { return };
//!     let still = matches!(probe.media, Media::Still);
//!     case.clause("5.1").requires(still, "the probe is a still image", "submit a still image of one individual");
//! }
//! ```
//!
//! The verdict follows from the findings: anything violated denies, else anything missing pends, else the step is
//! permitted. A phase without a single finding is denied, so a phase nobody wrote rules for cannot slip through.
//!
//! A component may import nothing but the contract's `log` and the inert WASI that Rust's standard library needs. Two
//! habits keep it so: no clock or randomness (use [`Case::clock`]), and no `HashMap` (its seed is an import; use a
//! `BTreeMap`).
//!
//! An instance makes one decision and is thrown away, so nothing it allocates is freed before: build what a rule needs
//! and let it go, but do not loop over growing lists.
//!
//! | module | holds |
//! |---|---|
//! | [`case`] | the matter, read |
//! | [`ruling`] | findings and obligations, written |
//! | [`settings`] | numbers and lists a jurisdiction may tune |
//! | [`calendar`] | arithmetic on dates |
//! | [`text`] | texts, compared cheaply |

extern crate self as magistrate_sdk;

#[doc(hidden)]
#[allow(missing_docs, clippy::all, reason = "generated from wit/policy.wit, where every item is documented")]
pub mod generated {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "jurisdiction",
        pub_export_macro: true,
        export_macro_name: "export_component",
        default_bindings_module: "magistrate_sdk::generated",
        runtime_path: "magistrate_sdk::wit_bindgen::rt",
        generate_all,
    });
}

pub mod calendar;
pub mod case;
pub mod ruling;
pub mod settings;
pub mod text;

pub use case::Case;
pub use generated::log;
pub use generated::magistrate::policy::{facts, rulings, terms};
pub use ruling::Duties;
pub use settings::{Setting, Settings};

#[doc(hidden)]
pub use wit_bindgen;

use rulings::{Charter, Problem};

/// Bytes one call may allocate. A full matter with its decision takes about 50 KB. The arena is part of the memory that an
/// instance starts with: growing memory costs the host two system calls, which is more than many a rule.
#[cfg(target_arch = "wasm32")]
const ARENA_BYTES: usize = 4 << 20;

/// An instance lives for one call and is then thrown away whole, so nothing is freed: an allocation takes a few dozen
/// operators, where one that keeps count takes hundreds.
#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: static_alloc::Bump<[u8; ARENA_BYTES]> = static_alloc::Bump::uninit();

/// A jurisdiction's rules.
pub trait Policy {
    /// What policy.toml may set.
    const SETTINGS: &'static [Setting];

    /// Who this policy is. [`Charter::settings`](rulings::Charter) is filled in from [`Self::SETTINGS`].
    fn charter(settings: &Settings) -> Charter;

    /// What is wrong with settings that are each of the right kind; nothing by default.
    fn check(_settings: &Settings) -> Vec<Problem> {
        Vec::new()
    }

    /// Applies the rules of `case.phase()`.
    fn decide(case: &mut Case);
}

#[doc(hidden)]
pub fn describe<P: Policy>(fields: &[terms::Field]) -> Result<Charter, Vec<Problem>> {
    let mut problems = settings::problems(P::SETTINGS, fields);
    let settings = Settings::new(fields);
    if problems.is_empty() {
        problems = P::check(&settings);
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut charter = P::charter(&settings);
    charter.settings = P::SETTINGS.iter().map(Setting::form_field).collect();
    Ok(charter)
}

#[doc(hidden)]
pub fn decide<P: Policy>(fields: &[terms::Field], matter: &facts::Matter) -> rulings::Decision {
    let mut case = Case::new(matter, Settings::new(fields));
    P::decide(&mut case);
    case.into_decision()
}

/// Exports a [`Policy`] as the component's `describe` and `decide`.
#[macro_export]
macro_rules! policy {
    ($policy:ty) => {
        #[doc(hidden)]
        struct Component;

        impl $crate::generated::Guest for Component {
            fn describe(
                settings: Vec<$crate::terms::Field>,
            ) -> Result<$crate::rulings::Charter, Vec<$crate::rulings::Problem>> {
                $crate::describe::<$policy>(&settings)
            }

            fn decide(
                settings: Vec<$crate::terms::Field>,
                matter: $crate::facts::Matter,
            ) -> $crate::rulings::Decision {
                let decision = $crate::decide::<$policy>(&settings, &matter);
                // The instance ends here: taking apart what it was given would be work for nothing.
                ::std::mem::forget(settings);
                ::std::mem::forget(matter);
                decision
            }
        }

        $crate::generated::export_component!(Component with_types_in $crate::generated);
    };
}
