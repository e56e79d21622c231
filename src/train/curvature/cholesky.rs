//! The Cholesky factor of a positive semidefinite matrix, and the solution of its equations (Golub and Van Loan, Matrix
//! Computations, section 4.2).

/// The Cholesky factor of the square `matrix`, whose lower triangle is read. The row of a feature that depends on those
/// before it, but for the share `dependent` of its square, gets an infinite diagonal element, which makes its part of
/// every solution 0.
pub(super) fn factored(mut matrix: Vec<f64>, width: usize, dependent: f64) -> Vec<f64> {
    for i in 0..width {
        let (above, row) = matrix.split_at_mut(i * width);
        let diagonal = row[i];
        for j in 0..i {
            let of_j = &above[j * width..][..=j];
            let sum = row[..j].iter().zip(of_j).map(|(a, b)| a * b).sum::<f64>();
            row[j] = (row[j] - sum) / of_j[j];
        }
        let pivot = diagonal - row[..i].iter().map(|term| term * term).sum::<f64>();
        row[i] = match pivot > dependent * diagonal {
            true => pivot.sqrt(),
            false => f64::INFINITY,
        };
    }
    matrix
}

/// Solves `L Lᵀ x = b` in place, for the lower triangle `factor` of a square.
pub(super) fn substitute(factor: &[f64], b: &mut [f64]) {
    let width = b.len();
    for i in 0..width {
        let row = &factor[i * width..][..=i];
        let known = row.iter().zip(&*b).take(i).map(|(l, x)| l * x).sum::<f64>();
        b[i] = (b[i] - known) / row[i];
    }
    for i in (0..width).rev() {
        b[i] /= factor[i * width + i];
        let (solved, row) = (b[i], &factor[i * width..][..i]);
        for (b, l) in b.iter_mut().zip(row) {
            *b -= l * solved;
        }
    }
}
