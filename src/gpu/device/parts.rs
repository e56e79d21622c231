//! Long compute passes in several submissions, each of which ends before the watchdog of a driver ends it.

use super::Device;
use crate::error::Result;
use crate::submission_size::SubmissionSize;
use std::ops::Range;
use std::time::Instant;

impl Device {
    /// Submits the parts `parts` of a compute pass, as many in a submission as `size` says; `record` records those of one.
    /// Waits for each submission but the last, so that `size` learns from the time it takes. Where a submission ends changes
    /// no bit: the device takes the parts in their order.
    pub(in crate::gpu) fn submit_parts(
        &self,
        label: &str,
        size: &mut SubmissionSize,
        parts: Range<usize>,
        mut record: impl FnMut(&mut wgpu::ComputePass<'_>, Range<usize>),
    ) -> Result<()> {
        let mut first = parts.start;
        while let Some(n) = size.iterations((parts.end - first) as u64) {
            let end = first + n.get() as usize;
            let is_last = end == parts.end;
            if first == parts.start && !is_last {
                // The time of earlier submissions is none of a part.
                self.wait()?;
            }
            let start = Instant::now();
            self.submit(label, |encoder| {
                Self::pass(encoder, label, |pass| record(pass, first..end));
            });
            if !is_last {
                self.wait()?;
                size.observe(n, start.elapsed());
            }
            first = end;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::gpu::device::tests::device;
    use crate::submission_size::SubmissionSize;
    use std::ops::Range;
    use std::time::Duration;

    #[test]
    fn a_long_pass_is_cut_and_a_short_one_only_until_that_is_known() {
        let device = device();
        let (one, all) = (SubmissionSize::ONE, SubmissionSize::ALL);
        let cut = |size: &mut SubmissionSize, n_parts: usize, milliseconds| {
            let mut ends = Vec::new();
            let record = |_: &mut wgpu::ComputePass<'_>, parts: Range<usize>| {
                parts
                    .clone()
                    .for_each(|_| std::thread::sleep(Duration::from_millis(milliseconds)));
                ends.push(parts.end - 7);
            };
            let submitted = device.submit_parts("test", size, 7..7 + n_parts, record);
            submitted.unwrap();
            ends
        };
        let mut size = one;
        assert_eq!(
            cut(&mut size, 3, 110),
            [1, 2, 3],
            "a tenth of a second each"
        );
        assert_eq!(cut(&mut size, 1, 0), [1]);
        assert_eq!(cut(&mut size, 0, 0), [0; 0]);
        let mut size = one;
        assert_eq!(cut(&mut size, 5, 0), [1, 5], "eightfold at most");
        assert_eq!(cut(&mut size, 8, 0), [8], "known to be short");
        assert_eq!(cut(&mut all.clone(), 1000, 0), [1000]);
    }
}
