//! Where metrics go by themselves: the log, CSV files, an event, a StatsD server.

use std::{io::Write as _, path::Path};

use ligand_metrics::report::{csv, statsd::StatsD, table};
use serde_json::Value;
use tokio::{net::UdpSocket, time::Instant};

use super::{Filter, collect};
use crate::broker::ServiceBroker;

impl ServiceBroker {
    /// Lets time pass for rates and windows, and reports, until the broker stops.
    pub(crate) fn start_metrics(&self) {
        // Your own metrics count, and are reported, in any case.
        if self.parts().metrics.built_in.is_some() {
            collect::register(self);
        }
        let (weak, stopping) = (self.downgrade(), self.stopping());
        let interval = self.options().metrics.interval.max(std::time::Duration::from_millis(100));
        self.tasks().spawn_background(async move {
            let mut stopping = std::pin::pin!(stopping);
            let mut reporters = Reporters::default();
            let mut last = Instant::now();
            let mut timer = tokio::time::interval_at(last + interval, interval);
            timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    biased;
                    () = &mut stopping => return,
                    _ = timer.tick() => {}
                }
                let Some(broker) = weak.upgrade() else { return };
                if broker.metrics().is_empty() {
                    continue;
                }
                // A reporter may have taken longer than the interval.
                let now = Instant::now();
                broker.metrics().tick(now.duration_since(std::mem::replace(&mut last, now)));
                reporters.report(&broker).await;
            }
        });
    }
}

#[derive(Default)]
struct Reporters {
    statsd: Option<(UdpSocket, StatsD)>,
    /// It was said that one does not work.
    told: bool,
}

impl Reporters {
    async fn report(&mut self, broker: &ServiceBroker) {
        let options = &broker.options().metrics;
        if options.console {
            // A line each: one with line ends in it would be escaped.
            for line in table::text(broker.metrics()).lines() {
                tracing::info!("{line}");
            }
        }
        if let Some(event) = &options.event {
            let snapshot = Value::from(broker.metrics().snapshot(&Filter::default()));
            if let Err(error) = broker.emit_named(event.clone(), snapshot).await {
                self.tell(&format_args!("the event is not sent: {}", error.for_log()));
            }
        }
        if let Some(folder) = &options.csv {
            let time = u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0);
            let (tables, folder) = (csv::tables(broker.metrics(), time), folder.clone());
            // Disks block.
            let written = tokio::task::spawn_blocking(move || write(&folder, &tables)).await;
            if let Ok(Err(error)) = written {
                self.tell(&format_args!("the CSV files are not written: {error}"));
            }
        }
        if let Some(server) = &options.statsd
            && let Err(error) = self.statsd(broker, server).await
        {
            self.statsd = None;
            self.tell(&format_args!("the StatsD server gets nothing: {error}"));
        }
    }

    async fn statsd(&mut self, broker: &ServiceBroker, server: &str) -> std::io::Result<()> {
        if self.statsd.is_none() {
            let unknown = || std::io::Error::other("its name has no address");
            let address = tokio::net::lookup_host(server).await?.next().ok_or_else(unknown)?;
            let any = if address.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" };
            let socket = UdpSocket::bind(any).await?;
            socket.connect(address).await?;
            self.statsd = Some((socket, StatsD::new(&broker.options().metrics.statsd_prefix)));
        }
        if let Some((socket, statsd)) = &mut self.statsd {
            for packet in statsd.packets(broker.metrics()) {
                // Nobody may listen at the moment.
                let _ = socket.send(packet.as_bytes()).await;
            }
        }
        Ok(())
    }

    /// Says once that a reporter does not work.
    fn tell(&mut self, problem: &dyn std::fmt::Display) {
        if !std::mem::replace(&mut self.told, true) {
            tracing::warn!("metrics: {problem}");
        }
    }
}

fn write(folder: &Path, tables: &[csv::Table]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for table in tables {
        // Names of metrics have no separators of paths.
        let path = folder.join(format!("{}.csv", table.name));
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
        let mut text = String::new();
        if file.metadata()?.len() == 0 {
            text.push_str(&table.head);
            text.push('\n');
        }
        for line in &table.lines {
            text.push_str(line);
            text.push('\n');
        }
        file.write_all(text.as_bytes())?;
    }
    Ok(())
}
