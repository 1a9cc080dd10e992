//! Listens: the edge, one file per operation, the turn driver.
//!
//! A request walks [`edge`] (listen, authenticate, dispatch: route, decode, constraints), one file of [`ops`], and, when
//! it is an agent's turn, [`turn`]. What it needs of the world stands in [`App`].

pub mod agents;
pub mod app;
pub mod bill;
pub mod edge;
pub mod errors;
pub mod guardrails;
pub mod memory;
pub mod metrics;
pub mod objects;
pub mod ops;
pub mod quotas;
pub mod retention;
pub mod secrets;
pub mod transfer;
pub mod turn;

pub use app::{App, AppParts, SessionStoreSettings, Settings};
pub use edge::listen::{Server, ServerLimits};
pub use errors::{ApiError, OpResult};
pub use memory::MemorySettings;
pub use outcrop_planner::prepare::openapi::check as check_api_schema;
pub use outcrop_planner::prepare::prompts::{Phases, defaults as default_prompts};
pub use outcrop_planner::turn::TurnLimits;
pub use outcrop_planner::turn::answer_schema::check_schema as check_answer_schema;
pub use outcrop_planner::{ModelRole, PhaseModels};
pub use quotas::Quotas;
pub use retention::RetentionSettings;
pub use turn::sessions::{SessionPolicy, SessionSettings};
