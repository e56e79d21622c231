//! Measurements as text for people.

use super::Report;
use super::format::{duration, name};
use super::human::line;
use crate::bench::{Bench, NetworkTimes};
use indicatif::{HumanBytes, HumanCount};
use std::io::{self, Write};

impl Report for Bench {
    fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        line(out, self.backend, &self.adapter)?;
        let (rate, bytes) = (self.ceiling.bytes_per_second, self.ceiling.bytes);
        let bytes = HumanBytes(bytes);
        let text = format!("{:.1} GB/s, {bytes} and nothing else", rate / 1e9);
        line(out, "reading", text)?;
        if let Some(ceiling) = &self.arithmetic_ceiling {
            let (rate, precision) = (ceiling.flop_per_second, ceiling.precision);
            let text = format!(
                "{:.1} GFLOP/s of fused multiply-adds, {precision} in registers and nothing else",
                rate / 1e9
            );
            line(out, "fma", text)?;
        }
        writeln!(
            out,
            "\n{:<18} {:>12} {:>23} {:>10} {:>11}",
            "shape", "an iteration", "from … to", "GB/s", "of reading"
        )?;
        for shape in &self.shapes {
            let fits = match shape.fits_in_cache {
                true => "  (fits in the cache)",
                false => "",
            };
            writeln!(
                out,
                "{} {:>10.2} {:>11.2}{fits}",
                times(&shape.shape, shape.median, &shape.seconds, 1),
                shape.bytes_per_second / 1e9,
                shape.share_of_ceiling,
            )?;
        }
        let article = &self.article;
        let times = times(
            "article",
            article.median,
            &article.seconds,
            article.iterations,
        );
        writeln!(out, "{times}")?;
        match self.networks.is_empty() {
            true => Ok(()),
            false => write_networks(out, &self.networks),
        }
    }
}

/// Writes the updates of networks with hidden layers.
fn write_networks(out: &mut dyn Write, networks: &[NetworkTimes]) -> io::Result<()> {
    writeln!(
        out,
        "\n{:<18} {:>12} {:>23} {:>10} {:>11} {:>11} {:>11}",
        "network", "an update", "from … to", "GFLOP/s", "of fma", "of reading", "bound by"
    )?;
    for network in networks {
        let batch = HumanCount(network.batch_size as u64);
        writeln!(
            out,
            "{} {:>10.2} {:>11.3} {:>11.3} {:>11}  (batch {batch}{})",
            times(&network.shape, network.median, &network.seconds, 1),
            network.flop_per_second / 1e9,
            network.share_of_arithmetic,
            network.share_of_reading,
            name(&network.bound_by),
            if network.fits_in_cache {
                ", fits in the cache"
            } else {
                ""
            },
        )?;
    }
    Ok(())
}

/// The name of what took `seconds` for `n` iterations, the time of one, and the least and the most of it.
fn times(what: &str, median: f64, seconds: &[f64], n: u32) -> String {
    let each = |seconds: f64| duration(seconds / f64::from(n));
    let least = seconds.iter().copied().fold(f64::INFINITY, f64::min);
    let most = seconds.iter().copied().fold(0.0, f64::max);
    let range = format!("{} … {}", each(least), each(most));
    format!("{what:<18} {:>12} {range:>23}", each(median))
}
