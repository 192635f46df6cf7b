// A demo enclave gateway and a demo client of Oblivious HTTP, in one program.

mod args;
mod capture;
mod chat;
mod chunked;
mod client;
mod error;
mod gateway;
mod http1;
mod keys;
mod outer;
mod poll;
mod sealed;
mod tls;

use std::process::ExitCode;

const USAGE: &str = "\
usage:
  ohttp-peer gateway --listen ADDRESS:PORT [options]
      --tls-cert FILE --tls-key FILE   speak TLS
      --keys-out FILE     write the key configurations (application/ohttp-keys)
      --capture FILE      append one JSON line per request: what arrived
      --delay-ms N        pause between the chunks of a streamed answer (40)

  ohttp-peer client --relay URL --keys FILE [options]
      --suite NAME        aes128gcm (default) or chacha20poly1305
      --prompt TEXT       the question
      --chunked           stream: message/ohttp-chunked-req
      --request-chunks N  seal the chunked request in N chunks
      --header 'N: V'     an outer header, seen by the relay; may be repeated
      --bind ADDRESS      local address of the connection
      --ca FILE           trust this CA for https
      --insecure          do not verify the relay's certificate
      --timeout SECONDS   of each read and write (30)
      --raw-out FILE      write the bytes of the sealed request
      --raw-answer FILE   write the bytes of the sealed answer
      --show              print what was sealed and what was sent
      --text              print the text of the answer alone, not its JSON
      --http1             HTTP/1.1 (the only version this client speaks)
";

fn main() -> ExitCode {
    let mut argv = std::env::args().skip(1);

    let command = argv.next().unwrap_or_default();
    let rest: Vec<String> = argv.collect();

    let result = match command.as_str() {
        "gateway" => gateway::main(&rest),
        "client" => client::main(&rest),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => Err(error::usage("the first argument is gateway or client")),
    };

    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("ohttp-peer {command}: {e}");

            if e.is_usage() {
                eprint!("{USAGE}");
                return ExitCode::from(2);
            }

            ExitCode::FAILURE
        }
    }
}
