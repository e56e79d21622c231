//! Updates of a network by candle or Burn.
//!
//!     rust-peers candle|burn FOLDER WIDTHS f32|f64 RATE check UPDATES ROWS
//!     rust-peers candle|burn FOLDER WIDTHS f32|f64 RATE time SECONDS ROWS
//!
//! `check` prints the loss of the first ROWS rows before UPDATES updates of them and after these, `time` the seconds of an
//! update of ROWS rows, which are others each time. FOLDER holds raw numbers in the order of this machine: `x` (rows, I)
//! and `t` (rows, O), or a class a row, in float32; `start` in float64, the weight (I, O) and the bias (O) of each layer.

mod by_burn;
mod by_candle;

use std::time::Instant;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A network, its rows and its optimizer.
trait Peer {
    /// The loss of the rows with these numbers.
    fn loss(&self, rows: &[u32]) -> Result<f64>;

    /// One update by the rows with these numbers.
    fn update(&mut self, rows: &[u32]) -> Result<()>;
}

/// What a peer computes.
struct Task {
    widths: Vec<usize>,
    x: Vec<f32>,
    /// Classes where there are more than two outputs.
    t: Vec<f32>,
    /// Weight and bias of each layer.
    start: Vec<[Vec<f64>; 2]>,
    rate: f64,
}

impl Task {
    fn read(folder: &str, widths: &str, rate: &str) -> Result<Self> {
        let bytes = |name: &str| std::fs::read(format!("{folder}/{name}"));
        let floats = |name: &str| -> Result<Vec<f32>> {
            Ok(bytes(name)?
                .as_chunks()
                .0
                .iter()
                .map(|it| f32::from_ne_bytes(*it))
                .collect())
        };
        let widths = widths
            .split('-')
            .map(str::parse)
            .collect::<std::result::Result<Vec<usize>, _>>()?;
        let start = bytes("start")?;
        let mut numbers = start.as_chunks().0.iter().map(|it| f64::from_ne_bytes(*it));
        let mut take = |length| numbers.by_ref().take(length).collect();
        let layers = widths
            .windows(2)
            .map(|it| [take(it[0] * it[1]), take(it[1])]);
        Ok(Self {
            start: layers.collect(),
            x: floats("x")?,
            t: floats("t")?,
            rate: rate.parse()?,
            widths,
        })
    }

    fn n_inputs(&self) -> usize {
        self.widths[0]
    }

    fn n_outputs(&self) -> usize {
        self.widths[self.widths.len() - 1]
    }

    fn n_rows(&self) -> usize {
        self.x.len() / self.n_inputs()
    }

    fn has_classes(&self) -> bool {
        self.n_outputs() > 2
    }
}

/// Batches of all rows in random order without end.
struct Batches {
    order: Vec<u32>,
    next: usize,
    state: u64,
}

impl Batches {
    fn new(n_rows: usize) -> Self {
        let order: Vec<u32> = (0..u32::try_from(n_rows).expect("rows")).collect();
        Self {
            next: order.len(),
            order,
            state: 1,
        }
    }

    fn next(&mut self, n_rows: usize) -> &[u32] {
        if self.next + n_rows > self.order.len() {
            for last in (1..self.order.len()).rev() {
                self.state = self
                    .state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                self.order
                    .swap(last, (self.state >> 33) as usize % (last + 1));
            }
            self.next = 0;
        }
        self.next += n_rows;
        &self.order[self.next - n_rows..self.next]
    }
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [library, folder, widths, kind, rate, what, number, n_rows] = &args[..] else {
        return Err(
            "candle|burn FOLDER WIDTHS f32|f64 RATE check|time UPDATES|SECONDS ROWS".into(),
        );
    };
    let task = Task::read(folder, widths, rate)?;
    let mut peer: Box<dyn Peer> = match (library.as_str(), kind.as_str()) {
        ("candle", _) => Box::new(by_candle::Candle::new(&task, kind == "f64")?),
        ("burn", "f32") => Box::new(by_burn::Burn::new(&task)),
        _ => return Err(format!("no {library} in {kind}").into()),
    };
    let n_rows: usize = n_rows.parse()?;
    let mut batches = Batches::new(task.n_rows());
    if what == "check" {
        let first: Vec<u32> = (0..u32::try_from(n_rows)?).collect();
        let before = peer.loss(&first)?;
        for _ in 0..number.parse()? {
            peer.update(&first)?;
        }
        println!("[{before}, {}]", peer.loss(&first)?);
        return Ok(());
    }
    let seconds: f64 = number.parse()?;
    peer.update(batches.next(n_rows))?;
    let (since, mut n_updates) = (Instant::now(), 0);
    while n_updates < 3 || since.elapsed().as_secs_f64() < seconds {
        peer.update(batches.next(n_rows))?;
        n_updates += 1;
    }
    println!("{}", since.elapsed().as_secs_f64() / f64::from(n_updates));
    Ok(())
}
