//! A policy component that wants the network. The host must refuse it at load, naming what it imports.

use magistrate_sdk::rulings::Charter;
use magistrate_sdk::{Case, Policy, Setting, Settings};

/// Wants the network.
pub struct Networked;

magistrate_sdk::policy_with_std!(Networked);

impl Policy for Networked {
    const SETTINGS: &'static [Setting] = &[];

    fn charter(_settings: &Settings) -> Charter {
        unreachable!("the host refuses to load this component")
    }

    fn decide(case: &mut Case) {
        let told = std::net::TcpStream::connect("127.0.0.1:9").is_ok();
        case.clause(0).requires(told, "the network said no");
    }
}
