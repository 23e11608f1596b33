//! A sequence that fails is made shorter for as long as it still fails, within a time.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

/// Leaves out what the failure does not need: halves first, then less. Gives the positions of what is left.
pub fn shrink(count: usize, within: Duration, fails: impl Fn(&[usize]) -> bool) -> Vec<usize> {
    let by = Instant::now() + within;
    let mut left: Vec<usize> = (0..count).collect();
    let mut size = count.div_ceil(2);
    while size > 0 {
        let mut at = 0;
        while at < left.len() {
            if Instant::now() > by {
                return left;
            }
            let mut fewer = left.clone();
            fewer.drain(at..left.len().min(at + size));
            if fails(&fewer) {
                left = fewer;
            } else {
                at += size;
            }
        }
        size /= 2;
    }
    left
}

/// Whether it panics; what it says is shown meanwhile.
pub fn panics(act: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(act)).is_err()
}

#[test]
fn what_a_failure_does_not_need_is_left_out() {
    let needs = |steps: &[usize]| steps.contains(&3) && steps.contains(&11);
    assert_eq!(shrink(14, Duration::from_secs(5), needs), [3, 11]);
    assert_eq!(shrink(14, Duration::ZERO, needs).len(), 14, "no time");
    assert!(shrink(1, Duration::from_secs(5), |_| true).is_empty());
    assert!(panics(|| panic!("on purpose")) && !panics(|| ()));
}
