//! What a policy author depends on.
//!
//! A policy is a type with a [`Charter`](rulings::Charter) and a set of rules, exported with [`policy!`]. A rule is a
//! function that reads the [`Case`] and speaks for one clause at a time, so that it reads like the clause it cites:
//!
//! ```
//! use magistrate_sdk::{Case, facts::Media};
//! # macro_rules! clause { ($id:literal) => { 0 } }
//!
//! /// 5.1 Facial recognition software may only be used on a still image of an individual.
//! fn still_images_only(case: &mut Case) {
//!     let Some(probe) = case.probe() else { return };
//!     let still = matches!(probe.media, Media::Still);
//!     case.clause(clause!("5.1")).requires(still, "submit a still image of one individual");
//! }
//! ```
//!
//! The verdict follows from the findings: anything violated denies, else anything missing pends, else anything satisfied
//! permits. A phase without a single finding is denied, and one in which rules only took note of something is, too, so that
//! a phase nobody wrote rules for cannot slip through.
//!
//! A policy needs no standard library: its crate begins with `#![cfg_attr(target_arch = "wasm32", no_std)]`, its modules
//! with `use magistrate_sdk::prelude::*`, and the component imports no function. One that cannot do without is exported with
//! [`policy_with_std!`]; it may import the contract's `log` and inert WASI, and nothing else. Neither has a clock or
//! randomness: use [`Case::clock`], and a `BTreeMap` where a `HashMap` would want a seed.
//!
//! An instance makes one decision and is thrown away, so nothing it allocates is freed before: build what a rule needs
//! and let it go, but do not loop over growing lists.
//!
//! | module | holds |
//! |---|---|
//! | [`case`] | the matter, read |
//! | [`catalogue`] | the clauses, and citing them |
//! | [`ruling`] | findings and obligations, written |
//! | [`settings`] | numbers and lists a jurisdiction may tune |
//! | [`calendar`] | arithmetic on dates |
//! | [`text`] | texts, compared cheaply |

#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;
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

/// What the standard library's prelude holds beyond `core`'s, and a policy needs.
pub mod prelude {
    pub use alloc::borrow::ToOwned;
    pub use alloc::string::{String, ToString};
    pub use alloc::vec::Vec;
    pub use alloc::{format, vec};
}

pub mod calendar;
pub mod case;
pub mod catalogue;
pub mod ruling;
pub mod settings;
pub mod text;

pub use case::Case;
pub use generated::log;
pub use generated::magistrate::policy::{facts, rulings, terms};
pub use ruling::Duties;
pub use settings::{Setting, Settings};

#[doc(hidden)]
#[cfg(target_arch = "wasm32")]
pub use mini_alloc;
#[doc(hidden)]
pub use wit_bindgen;

use prelude::Vec;
use rulings::{Charter, Problem};

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

/// Exports a [`Policy`] as the component's `describe` and `decide`, from a crate without the standard library.
#[macro_export]
macro_rules! policy {
    ($policy:ty) => {
        $crate::policy_with_std!($policy);

        /// What the standard library would have brought.
        #[cfg(target_arch = "wasm32")]
        mod lean {
            // An instance lives for one call and is then thrown away whole, so nothing is freed: an allocation takes a few
            // dozen operators, where one that keeps count takes hundreds. It begins with what is left of the memory that the
            // component starts with, which the linker's `--initial-memory` makes larger: growing it costs the host system
            // calls.
            #[global_allocator]
            static ALLOCATOR: $crate::mini_alloc::MiniAlloc = $crate::mini_alloc::MiniAlloc::INIT;

            #[panic_handler]
            fn panic(_: &::core::panic::PanicInfo) -> ! {
                ::core::arch::wasm32::unreachable()
            }

            /// Where the host puts what it tells (the canonical ABI's `realloc`). It never asks to move anything: texts cross
            /// as UTF-8 on both sides.
            #[unsafe(no_mangle)]
            extern "C" fn cabi_realloc(_old: *mut u8, old_length: usize, align: usize, length: usize) -> *mut u8 {
                if old_length != 0 || align > 8 {
                    ::core::arch::wasm32::unreachable()
                }
                $crate::prelude::Vec::<u64>::with_capacity(length.div_ceil(8)).leak().as_mut_ptr().cast()
            }
        }
    };
}

/// As [`policy!`], from a crate that needs the standard library. The component then imports WASI, all of it inert, and
/// takes a little longer to start.
#[macro_export]
macro_rules! policy_with_std {
    ($policy:ty) => {
        #[doc(hidden)]
        struct Component;

        impl $crate::generated::Guest for Component {
            fn describe(
                settings: $crate::prelude::Vec<$crate::terms::Field>,
            ) -> ::core::result::Result<$crate::rulings::Charter, $crate::prelude::Vec<$crate::rulings::Problem>> {
                $crate::describe::<$policy>(&settings)
            }

            fn decide(
                settings: $crate::prelude::Vec<$crate::terms::Field>,
                matter: $crate::facts::Matter,
            ) -> $crate::rulings::Decision {
                let decision = $crate::decide::<$policy>(&settings, &matter);
                // The instance ends here: taking apart what it was given would be work for nothing.
                ::core::mem::forget(settings);
                ::core::mem::forget(matter);
                decision
            }
        }

        $crate::generated::export_component!(Component with_types_in $crate::generated);
    };
}
