//! Every example does what it shows.
#![allow(dead_code, reason = "examples are programs")]

#[path = "../examples/bank.rs"]
mod bank;
#[path = "../examples/embed_in_axum.rs"]
mod embed_in_axum;
#[path = "../examples/order_book.rs"]
mod order_book;
#[path = "../examples/time_travel.rs"]
mod time_travel;

use hotledger::Engine;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[test]
fn bank() {
    let directory = tempfile::tempdir().unwrap();
    bank::run(Engine::builder(directory.path())).unwrap();
    bank::run(Engine::builder(directory.path())).expect("it goes on where it stopped");
}

#[test]
fn order_book() {
    order_book::run(Engine::in_memory()).unwrap();
}

#[test]
fn time_travel() {
    time_travel::run(Engine::in_memory()).unwrap();
}

#[tokio::test]
async fn embed_in_axum() {
    let (routes, engine) = embed_in_axum::service(Engine::in_memory()).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, routes).await });
    for (command, status, part) in [
        (r#"{"Deposit":{"amount":5}}"#, "200", r#""balance":5"#),
        (r#"{"Withdraw":{"amount":6}}"#, "422", "InsufficientFunds"),
        (r#"{"Withdraw":{"amount":"#, "400", ""),
    ] {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!(
            "POST /accounts/1 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{command}",
            command.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        assert!(answer.contains(part), "{answer}");
    }
    server.abort();
    assert_eq!(engine.stats().answers.committed, 1);
}
