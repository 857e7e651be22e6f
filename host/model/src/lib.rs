//! What things are called.
//!
//! Every other room of the host speaks these words: a [`Matter`](facts::Matter) goes to a policy, a
//! [`Decision`](rulings::Decision) comes back, an [`Account`](account::Account) of it is kept. The types mirror
//! `wit/policy.wit`, where each item is documented; here they serialise (`snake_case` keys, `kebab-case` choices) so that they
//! can be stored, shown and written by hand in scenarios. No I/O and no async.
//!
//! | module | holds |
//! |---|---|
//! | [`terms`] | instants, dates, digests, phases, verdicts, values |
//! | [`facts`] | what a policy is told |
//! | [`rulings`] | what a policy answers, and its charter |
//! | [`combine`] | how several policies' decisions become one |
//! | [`registry`] | people, agencies, galleries as the host keeps them |
//! | [`filter`] | what a search may be limited to |
//! | [`multiset`] | the digest of what a gallery holds |
//! | [`account`] | what the audit log's entries commit to |
//! | [`subject`] | which case an entry belongs to, and what it has to say of it |
//! | [`echo`] | whether an entry's public part says of that what it says itself |
//! | [`notice`] | what offices are told |

pub mod account;
pub mod combine;
pub mod echo;
pub mod facts;
pub mod filter;
pub mod multiset;
pub mod notice;
pub mod registry;
pub mod rulings;
pub mod subject;
pub mod terms;
