// The application inside: a chat-like request and its answer, as binary HTTP.

use bhttp::{Message, Mode, StatusCode};
use serde_json::{Value, json};

use crate::error::Res;

const AUTHORITY: &str = "enclave.internal";
const PATH: &str = "/v1/chat/completions";

/// What ends a message of indeterminate length: no content, no trailers.
const END: usize = 2;

pub fn request(prompt: &str, stream: bool) -> Res<(Message, Vec<u8>)> {
    let mut message = Message::request(
        b"POST".to_vec(),
        b"https".to_vec(),
        AUTHORITY.into(),
        PATH.into(),
    );

    let content = json!({
        "messages": [ { "role": "user", "content": prompt } ],
        "stream": stream,
    });

    message.put_header("content-type", "application/json");
    message.write_content(content.to_string());

    let bytes = encode(&message, Mode::KnownLength)?;

    Ok((message, bytes))
}

/// The demo model: one word per element.
pub fn answer(request: &Message) -> Vec<String> {
    let content: Value = serde_json::from_slice(request.content()).unwrap_or_default();
    let prompt = content["messages"]
        .as_array()
        .and_then(|messages| messages.last())
        .and_then(|message| message["content"].as_str())
        .unwrap_or("nothing");

    format!("You asked: {prompt} I can read the question, but I cannot see who asks.")
        .split_inclusive(' ')
        .map(str::to_string)
        .collect()
}

pub fn response(words: &[String]) -> Res<Vec<u8>> {
    let mut message = Message::response(StatusCode::OK);

    let content = json!({
        "object": "chat.completion",
        "choices": [ {
            "index": 0,
            "message": { "role": "assistant", "content": words.concat() },
            "finish_reason": "stop",
        } ],
    });

    message.put_header("content-type", "application/json");
    message.write_content(content.to_string());

    encode(&message, Mode::KnownLength)
}

/// The parts of a streamed response, in order: its head, an event for each
/// word, the closing event, the end. Together they are one message.
pub fn response_parts(words: &[String]) -> Res<Vec<Vec<u8>>> {
    let head = streamed("")?;
    let mut parts = vec![head[..head.len() - END].to_vec()];

    for word in words {
        let event = json!({
            "object": "chat.completion.chunk",
            "choices": [ { "index": 0, "delta": { "content": word } } ],
        });

        parts.push(content_part(&format!("data: {event}\n\n"), &head)?);
    }

    parts.push(content_part("data: [DONE]\n\n", &head)?);
    parts.push(head[head.len() - END..].to_vec());

    Ok(parts)
}

fn content_part(event: &str, head: &[u8]) -> Res<Vec<u8>> {
    let message = streamed(event)?;

    Ok(message[head.len() - END..message.len() - END].to_vec())
}

fn streamed(content: &str) -> Res<Vec<u8>> {
    let mut message = Message::response(StatusCode::OK);

    message.put_header("content-type", "text/event-stream");
    message.write_content(content);

    encode(&message, Mode::IndeterminateLength)
}

fn encode(message: &Message, mode: Mode) -> Res<Vec<u8>> {
    let mut bytes = Vec::new();

    message.write_bhttp(mode, &mut bytes)?;

    Ok(bytes)
}

/// The text that a person reads in a piece of an answer.
pub fn text(piece: &str) -> String {
    piece
        .lines()
        .map(|line| line.strip_prefix("data: ").unwrap_or(line))
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter_map(|value: Value| {
            let choice = &value["choices"][0];
            let content = choice["delta"]["content"]
                .as_str()
                .or(choice["message"]["content"].as_str());

            content.map(str::to_string)
        })
        .collect()
}
