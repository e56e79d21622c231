/* The time of an iteration of the two smallest trainings as a plain loop in C, in float64:

       gcc -O3 -o /tmp/tiny benches/peers/tiny.c -lm && /tmp/tiny

   The article's layer of three inputs on its three samples, and XOR with eight hidden units of ReLU and the mean of the
   cross-entropy, each by gradient descent on all rows. A figure is the median of 15 runs. The article's weights are
   printed to be held against those of `neuralnet train article`. */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { RUNS = 15, ITERATIONS = 10000, HIDDEN = 8 };

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + 1e-9 * now.tv_nsec;
}

static int by_size(const void *a, const void *b) {
    double difference = *(const double *)a - *(const double *)b;
    return (difference > 0) - (difference < 0);
}

static double article(double w[3]) {
    static const double x[3][3] = {{0, 1, 1}, {1, 0, 0}, {1, 0, 1}}, t[3] = {1, 0, 1};
    double start[3] = {-0.16595599059485195, 0.44064898688431615, -0.9997712503653102}, loss = 0;
    for (int i = 0; i < 3; i++) w[i] = start[i];
    for (int iteration = 0; iteration < ITERATIONS; iteration++) {
        double gradient[3] = {0, 0, 0};
        loss = 0;
        for (int row = 0; row < 3; row++) {
            double z = 0;
            for (int i = 0; i < 3; i++) z += x[row][i] * w[i];
            double y = 1 / (1 + exp(-z)), e = (y - t[row]) * y * (1 - y);
            loss += 0.5 * (t[row] - y) * (t[row] - y);
            for (int i = 0; i < 3; i++) gradient[i] += e * x[row][i];
        }
        for (int i = 0; i < 3; i++) w[i] -= gradient[i];
    }
    return loss;
}

static double xor(void) {
    static const double x[4][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}}, t[4] = {0, 1, 1, 0};
    const double rate = 0.5;
    double w1[HIDDEN][2], b1[HIDDEN] = {0}, w2[HIDDEN], b2 = 0, loss = 0;
    srand(1);
    for (int h = 0; h < HIDDEN; h++) {
        for (int i = 0; i < 2; i++) w1[h][i] = 3.4 * rand() / RAND_MAX - 1.7;
        w2[h] = 1.7 * rand() / RAND_MAX - 0.85;
    }
    for (int iteration = 0; iteration < ITERATIONS; iteration++) {
        double g1[HIDDEN][2] = {{0}}, gb1[HIDDEN] = {0}, g2[HIDDEN] = {0}, gb2 = 0;
        loss = 0;
        for (int row = 0; row < 4; row++) {
            double a[HIDDEN], z = b2;
            for (int h = 0; h < HIDDEN; h++) {
                double zh = b1[h] + w1[h][0] * x[row][0] + w1[h][1] * x[row][1];
                a[h] = zh > 0 ? zh : 0;
                z += w2[h] * a[h];
            }
            double q = exp(-fabs(z)), y = z >= 0 ? 1 / (1 + q) : q / (1 + q), e = y - t[row];
            loss += fmax(z, 0) - z * t[row] + log1p(q);
            gb2 += e;
            for (int h = 0; h < HIDDEN; h++) {
                g2[h] += e * a[h];
                double eh = a[h] > 0 ? e * w2[h] : 0;
                gb1[h] += eh;
                for (int i = 0; i < 2; i++) g1[h][i] += eh * x[row][i];
            }
        }
        for (int h = 0; h < HIDDEN; h++) {
            for (int i = 0; i < 2; i++) w1[h][i] -= rate / 4 * g1[h][i];
            b1[h] -= rate / 4 * gb1[h];
            w2[h] -= rate / 4 * g2[h];
        }
        b2 -= rate / 4 * gb2;
    }
    return loss / 4;
}

int main(void) {
    double times[2][RUNS], w[3], losses[2];
    for (int run = 0; run < RUNS; run++) {
        double since = seconds();
        losses[0] = article(w);
        double between = seconds();
        losses[1] = xor();
        times[0][run] = between - since;
        times[1][run] = seconds() - between;
    }
    for (int what = 0; what < 2; what++) {
        qsort(times[what], RUNS, sizeof(double), by_size);
        printf("%-8s %7.1f ns an iteration, loss %.3e\n", what ? "XOR" : "article",
               1e9 * times[what][RUNS / 2] / ITERATIONS, losses[what]);
    }
    printf("the article's weights: %.15g %.15g %.15g\n", w[0], w[1], w[2]);
    return 0;
}
