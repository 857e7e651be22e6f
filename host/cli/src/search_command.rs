//! `magistrate search`: the client's side.

use crate::connection::Connection;
use crate::form::{Filters, Request};
use crate::shown;
use serde_json::json;
use std::process::ExitCode;

#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  magistrate search --certificate here/certs/detroit/m.whitfield.pem --jurisdiction detroit --gallery snap \\\n    --probe face.jpg --purpose criminal-investigation --reason 'robbery on 3 March' --case incident=26-00123 --answer crime=robbery \\\n    --filter sex=F --filter age=20..35"
)]
pub(crate) struct SearchArguments {
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    request: Request,
    /// How many candidates
    #[arg(long)]
    candidates: Option<u32>,
    #[command(flatten)]
    filters: Filters,
    /// Print the server's answer as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn search(arguments: &SearchArguments) -> anyhow::Result<ExitCode> {
    let body = json!({
        "candidates": arguments.candidates,
        "filter": arguments.filters.json()?,
        "request": arguments.request.json()?,
    });
    let answer = arguments.connection.post(&arguments.connection.path(["searches"])?, &body)?;
    shown::tell(&answer, arguments.json, shown::searched)
}
