//! The speed at which a device multiplies and adds: the ceiling of the products of matrices.

use super::adapter::{self, AdapterKind, Software};
use super::device::{Buffer, Device};
use super::kernel::Binding::{ReadWrite, Uniform};
use super::kernel::{Kernel, shaders};
use super::params::FmaParams;
use super::pipeline::Pipeline;
use crate::error::Result;
use bytemuck::Zeroable;

/// Invocations of a workgroup of `fma`.
pub(super) const WORKGROUP_SIZE: usize = 256;
/// Multiply-adds of an invocation in one trip of its loop: 32 steps of 16 chains.
const PER_TRIP: usize = 32 * 16;
/// So many workgroups that a GPU whose units take one less than others is idle for less than a hundredth.
const WORKGROUPS: usize = 1 << 14;
/// The CPU, which runs the shaders of a software adapter, needs no more to keep its cores busy.
const SOFTWARE_WORKGROUPS: usize = 1 << 8;
/// A measurement takes about this long: the clocks are up, and no driver takes it for a shader that hangs.
const SECONDS: f64 = 0.02;
/// Software adapters may end longer loops too early.
const MOST_TRIPS: u32 = 50_000;
/// The factor of each step: the numbers of a chain go on changing for many steps, and none outgrows f32 or gets so
/// small that a processor takes longer for it.
const FACTOR: f32 = -0.9999;

/// `fma`: multiplies and adds in registers, and does nothing else.
pub(super) fn kernel() -> Kernel {
    Kernel {
        name: "fma",
        wgsl: shaders!("fma.wgsl").to_owned(),
        bindings: vec![Uniform, ReadWrite],
    }
}

/// A device that makes fused multiply-adds in f32 out of its registers, and nothing else.
#[derive(Debug)]
pub struct Multiplier {
    device: Device,
    fma: Pipeline,
    params: Buffer,
    n_workgroups: usize,
    n_trips: u32,
}

impl Multiplier {
    /// Finds out how many operations keep a device busy for a measurement.
    ///
    /// # Errors
    /// If there is no adapter, or it fails.
    pub fn new(software: Software) -> Result<Self> {
        let (adapter, handle) = adapter::select(software)?;
        let n_workgroups = match adapter.kind {
            AdapterKind::Software => SOFTWARE_WORKGROUPS,
            _ => WORKGROUPS.min(adapter.max_workgroups as usize),
        };
        let device = Device::open(adapter, &handle, false)?;
        let (mut multiplier, _) = Self::on(device, n_workgroups)?;
        // Memory is cleared when it is first used.
        multiplier.run(1, FACTOR, 1.0)?;
        loop {
            let factor = SECONDS / multiplier.seconds()?;
            if factor < 2.0 || multiplier.n_trips == MOST_TRIPS {
                return Ok(multiplier);
            }
            // The first ones may be too short for the clock.
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "from 2 to 64"
            )]
            let factor = factor.min(64.0) as u32;
            multiplier.n_trips = (multiplier.n_trips * factor).min(MOST_TRIPS);
        }
    }

    /// What multiplies by `n_workgroups` on `device`, and where it writes the sums.
    fn on(device: Device, n_workgroups: usize) -> Result<(Self, Buffer)> {
        let params = device.uniform("fma.params", &FmaParams::zeroed())?;
        let sums = device.storage("sums of chains", n_workgroups * WORKGROUP_SIZE)?;
        let mut fma = Pipeline::new(&device, &kernel())?;
        fma.add(&device, &[&params, &sums], [n_workgroups, 1])?;
        device.finish_compiling()?;
        let multiplier = Self {
            device,
            fma,
            params,
            n_workgroups,
            n_trips: 1,
        };
        Ok((multiplier, sums))
    }

    /// Floating-point operations of [`Multiplier::seconds`], two for each multiply-add.
    #[must_use]
    pub fn flop(&self) -> u64 {
        let n_invocations = self.n_workgroups * WORKGROUP_SIZE;
        2 * (n_invocations * PER_TRIP) as u64 * u64::from(self.n_trips)
    }

    /// Makes all of them once and returns the seconds that took: by the device's own clock where it has one,
    /// otherwise as the host sees it.
    ///
    /// # Errors
    /// If the device fails.
    pub fn seconds(&mut self) -> Result<f64> {
        self.run(self.n_trips, FACTOR, 1.0)
    }

    fn run(&mut self, n_trips: u32, factor: f32, term: f32) -> Result<f64> {
        let params = FmaParams {
            n_trips,
            factor,
            term,
            _pad: 0,
        };
        self.device
            .write(&self.params, 0, bytemuck::bytes_of(&params));
        self.device.timed_pass("fma", |pass| self.fma.record(pass))
    }
}

#[cfg(test)]
mod tests {
    use super::super::device::tests::device;
    use super::{FACTOR, Multiplier, PER_TRIP, WORKGROUP_SIZE};

    const CHAINS: usize = 16;

    /// What each invocation of a workgroup writes if a step is `step`, its chains added as in the shader.
    fn expected(n_trips: u32, step: impl Fn(f32) -> f32) -> Vec<f32> {
        let n_steps = n_trips as usize * PER_TRIP / CHAINS;
        let of_invocation = |invocation: usize| {
            let mut sum = [0.0; 4];
            for chain in 0..CHAINS {
                let first = u16::try_from(CHAINS * invocation + chain).unwrap();
                let last = (0..n_steps).fold(f32::from(first), |x, _| step(x));
                sum[chain % 4] += last;
            }
            (sum[0] + sum[1]) + (sum[2] + sum[3])
        };
        (0..WORKGROUP_SIZE).map(of_invocation).collect()
    }

    fn run(n_trips: u32, factor: f32, term: f32) -> Vec<f32> {
        const WORKGROUPS: usize = 3;
        let (mut multiplier, sums) = Multiplier::on(device(), WORKGROUPS).unwrap();
        multiplier.device.poison(&sums).unwrap();
        multiplier.run(n_trips, factor, term).unwrap();
        let n_sums = WORKGROUPS * WORKGROUP_SIZE;
        let sums = multiplier.device.read(&sums, 0, n_sums).unwrap();
        let (first, others) = sums.split_at(WORKGROUP_SIZE);
        assert_eq!(
            [first, first].concat(),
            others,
            "all workgroups do the same"
        );
        first.to_vec()
    }

    /// With a factor and a term of 1 a chain counts its steps, exactly up to 2²⁴.
    #[test]
    fn every_chain_makes_every_step() {
        for n_trips in [0, 1, 2, 1000] {
            assert_eq!(
                run(n_trips, 1.0, 1.0),
                expected(n_trips, |x| x + 1.0),
                "{n_trips} trips"
            );
        }
    }

    /// A device may round the product of an fma before it adds.
    #[test]
    fn steps_are_multiplications_and_additions() {
        for n_trips in [1, 7] {
            let sums = run(n_trips, FACTOR, 1.0);
            let fused = expected(n_trips, |x| x.mul_add(FACTOR, 1.0));
            let rounded_twice = expected(n_trips, |x| x * FACTOR + 1.0);
            assert!(
                sums == fused || sums == rounded_twice,
                "{n_trips} trips: {:?}",
                &sums[..4]
            );
        }
    }

    #[test]
    fn operations_are_counted_as_they_are_made() {
        let (mut multiplier, _) = Multiplier::on(device(), 2).unwrap();
        multiplier.n_trips = 3;
        // 2 workgroups of 256 invocations of 16 chains, 3 trips of 32 steps, a product and a sum in each.
        assert_eq!(multiplier.flop(), 2 * 256 * 16 * 3 * 32 * 2, "operations");
        assert!(multiplier.seconds().unwrap() > 0.0, "it takes time");
    }
}
