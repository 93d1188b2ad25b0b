//! hotledger inside an async web service: a handler executes a command and reads its own write.

use std::error::Error;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use hotledger::{Builder, Engine, ExecuteError};
use hotledger_domains::bank::{Account, AccountId, Balances, Command};
use serde_json::{Value, json};

type Answer = (StatusCode, Json<Value>);

/// Awaits the commit without blocking the runtime; the engine's writer has a thread of its own.
async fn execute(
    State(engine): State<Arc<Engine>>,
    Path(id): Path<AccountId>,
    Json(command): Json<Command>,
) -> Answer {
    let receipt = match engine.aggregate::<Account>(id).execute(command).await {
        Ok(receipt) => receipt,
        Err(ExecuteError::Refused(refusal)) => {
            return (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "refused": refusal })));
        }
        Err(error) => {
            let why = Json(json!({ "error": error.to_string() }));
            return (StatusCode::SERVICE_UNAVAILABLE, why);
        }
    };
    // The view is at most a moment behind; waiting for it may block, so it waits elsewhere.
    let table = engine.table::<Balances, Account>();
    let read = tokio::task::spawn_blocking(move || table.get_after(receipt.position, &id));
    match read.await {
        Ok(Ok(row)) => {
            let balance = row.map(|row| row.balance);
            (StatusCode::OK, Json(json!({ "version": receipt.version, "balance": balance })))
        }
        _ => (StatusCode::OK, Json(json!({ "version": receipt.version }))),
    }
}

pub(crate) fn service(builder: Builder) -> Result<(Router, Arc<Engine>), Box<dyn Error>> {
    let builder = builder.aggregate::<Account>().table::<Balances, Account>();
    let engine = Arc::new(builder.open()?);
    let routes = Router::new().route("/accounts/{id}", post(execute));
    Ok((routes.with_state(Arc::clone(&engine)), engine))
}

/// Try it: `curl -d '{"Deposit":{"amount":5}}' -H 'content-type: application/json' \
/// localhost:3000/accounts/1`
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let (routes, _engine) = service(Engine::builder("axum-data"))?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("listening on {}", listener.local_addr()?);
    Ok(axum::serve(listener, routes).await?)
}
