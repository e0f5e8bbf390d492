//! A shop whose prices are calculated in worker processes, because whoever wrote the calculation is not
//! to be trusted: the shop goes on whatever they do. Its own tests, at the end of this file, show that:
//! they let workers crash, hang, boot slowly or not at all, and corrupt their links.

use std::collections::BTreeMap;
use std::sync::Mutex;

use pm_runtime::worker_query;

/// What an article costs, in cents.
#[worker_query(workers = 2, timeout = "5s", boot_timeout = "5s")]
fn price(article: &str) -> u32 {
    article.bytes().map(u32::from).sum()
}

/// What a customer is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Offer {
    /// What the article costs.
    Price(u32),
    /// What it cost when that could last be calculated.
    LastPrice(u32),
    /// There is no price at the moment.
    OnRequest,
}

/// The prices, and those that are known.
struct Pricing {
    pool: PricePool,
    known: Mutex<BTreeMap<String, u32>>,
}

impl Pricing {
    fn new(pool: PricePool) -> Self {
        Self { pool, known: Mutex::default() }
    }

    /// Never fails, and never takes longer than three calculations may.
    async fn offer(&self, article: &str) -> Offer {
        for _ in 0..3 {
            match self.pool.query(article).await {
                Ok(price) => {
                    self.known().insert(article.to_owned(), price);
                    return Offer::Price(price);
                }
                Err(error) if error.is_retryable() => eprintln!("once more: {error}"),
                Err(error) => {
                    eprintln!("{error}");
                    break;
                }
            }
        }
        self.known().get(article).map_or(Offer::OnRequest, |price| Offer::LastPrice(*price))
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, u32>> {
        self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[pm_runtime::main]
async fn main() {
    let pricing = Pricing::new(PricePool::new());
    for article in ["apple", "pear", "apple"] {
        println!("{article}: {:?}", pricing.offer(article).await);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::future::join_all;
    use pm_runtime::fault::{Fault, Faults, When};
    use pm_runtime::{Event, PoolBuilder};
    use smol::stream::StreamExt;

    use super::*;

    /// Prices of workers that have these faults.
    fn pricing(faults: Faults) -> Pricing {
        Pricing::new(builder(faults).build())
    }

    fn builder(faults: Faults) -> PoolBuilder<PricePool> {
        PricePool::builder().workers(1).faults(faults)
    }

    #[pm_runtime::test]
    async fn a_crash_costs_nobody_an_offer() {
        let pricing = pricing(Faults::new().with(Fault::Crash, When::at(2).in_worker(1)));
        assert_eq!(pricing.offer("apple").await, Offer::Price(price("apple")));
        assert_eq!(pricing.offer("pear").await, Offer::Price(price("pear")));
        // Otherwise this would pass as well if nothing had gone wrong.
        assert_eq!(pricing.pool.health().crashes, 1);
    }

    #[pm_runtime::test]
    async fn where_a_calculation_hangs_there_is_the_last_price() {
        let faults = Faults::new().with(Fault::Hang, When::at(2).in_worker(1));
        let pool = builder(faults).timeout(Duration::from_secs(1)).build();
        let pricing = Pricing::new(pool);
        assert_eq!(pricing.offer("apple").await, Offer::Price(price("apple")));
        assert_eq!(pricing.offer("apple").await, Offer::LastPrice(price("apple")));
        assert_eq!(pricing.offer("pear").await, Offer::Price(price("pear")));
    }

    #[pm_runtime::test]
    async fn a_worker_that_does_not_get_up_is_replaced() {
        let hour = Duration::from_secs(3600);
        let faults = Faults::new().with(Fault::SlowBoot(hour), When::always().in_worker(1));
        let pool = builder(faults).boot_timeout(Duration::from_secs(1)).build();
        let events = pool.events();
        let pricing = Pricing::new(pool);
        assert_eq!(pricing.offer("apple").await, Offer::Price(price("apple")));
        // The other one may be ready before the first has died.
        let mut crashes = events.filter(|event| matches!(event, Event::Crashed(_)));
        assert!(crashes.next().await.is_some());
    }

    #[pm_runtime::test]
    async fn without_workers_the_shop_is_open() {
        let faults = Faults::new().with(Fault::ExitAtBoot(3), When::always());
        let pricing = Pricing::new(builder(faults).max_crashes(1).build());
        assert_eq!(pricing.offer("apple").await, Offer::OnRequest);
    }

    #[pm_runtime::test]
    async fn a_corrupt_link_makes_no_wrong_price() {
        let pricing = pricing(Faults::new().with(Fault::Corrupt, When::at(2).in_worker(1)));
        let mut events = pricing.pool.events();
        for article in ["apple", "pear", "plum"] {
            assert_eq!(pricing.offer(article).await, Offer::Price(price(article)));
        }
        while let Some(event) = events.next().await {
            if let Event::Crashed(report) = event {
                assert!(report.to_string().contains("protocol"), "{report}");
                break;
            }
        }
    }

    #[pm_runtime::test]
    async fn whatever_happens_no_customer_is_told_a_wrong_price() {
        let seed = 20;
        let faults = Faults::seeded(seed)
            .with(Fault::KillBefore, When::chance(0.02))
            .with(Fault::Crash, When::chance(0.02))
            .with(Fault::KillAfter, When::chance(0.02))
            .with(Fault::Garbage, When::chance(0.02));
        let pool = builder(faults).workers(2).max_crashes(None).build();
        let pricing = Pricing::new(pool);
        let articles: Vec<String> = (0..300).map(|number| format!("article {number}")).collect();
        let offers = join_all(articles.iter().map(|article| pricing.offer(article))).await;
        for (article, offer) in articles.iter().zip(offers) {
            let told = [Offer::Price(price(article)), Offer::OnRequest];
            assert!(told.contains(&offer), "seed {seed}: {article}: {offer:?}");
        }
        let health = pricing.pool.health();
        assert!(health.crashes > 0 && health.account.balances(), "seed {seed}: {health:?}");
    }
}
