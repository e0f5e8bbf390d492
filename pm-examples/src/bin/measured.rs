//! A pool whose metrics Prometheus can scrape: `curl http://127.0.0.1:9464/metrics`.
//!
//! A port may be given; 0 is one that is free. It ends when its stdin does.

use std::error::Error;
use std::io::{self, Read};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use pm_runtime::{metrics, worker_query};
use smol::future;
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::{TcpListener, TcpStream};

/// Counts the primes below a number, and crashes at numbers that it does not like.
#[worker_query(workers = 2, max_crashes = None)]
fn primes(below: u32) -> usize {
    if below.is_multiple_of(500) {
        std::process::abort();
    }
    (2..below).filter(|n| (2..*n).take_while(|d| d * d <= *n).all(|d| n % d != 0)).count()
}

#[pm_runtime::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(1).map_or(Ok(9464), |port| port.parse())?;
    let recorder = PrometheusBuilder::new().set_buckets(&[1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0])?;
    let exporter = recorder.install_recorder()?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("metrics: http://{}/metrics", listener.local_addr()?);
    let pool = PrimesPool::builder().label("primes").build();
    let working = async {
        let mut counts = pool.map((1..=1000).cycle()).unordered();
        while counts.next().await.is_some() {}
    };
    let serving = async {
        while let Ok((connection, _)) = listener.accept().await {
            // Who hangs up early does not want them.
            let _ = serve(connection, &exporter).await;
        }
    };
    let input_ends = smol::unblock(|| io::stdin().read_to_end(&mut Vec::new()));
    future::or(future::or(working, serving), async { drop(input_ends.await) }).await;
    pool.destroy().await;
    Ok(())
}

/// Answers any request with the metrics of this moment.
async fn serve(mut connection: TcpStream, exporter: &PrometheusHandle) -> io::Result<()> {
    let mut request = [0; 1024];
    if connection.read(&mut request).await? == 0 {
        return Ok(());
    }
    metrics::publish();
    let text = exporter.render();
    let kind = "Content-Type: text/plain; version=0.0.4";
    let head = format!("HTTP/1.1 200 OK\r\n{kind}\r\nContent-Length: {}\r\n\r\n", text.len());
    connection.write_all(head.as_bytes()).await?;
    connection.write_all(text.as_bytes()).await
}
