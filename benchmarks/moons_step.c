/* The step of `moons`, tuned by hand: loss and gradient of an MLP 2-16-16-1 over 100 points.

   The samples are taken in blocks of as many as one vector has numbers, so that a block's activations stay in
   registers and in the first-level cache. Gradients of weights are summed with one vector a weight, and its
   numbers are added at the end. Parameters and gradients are flat: a neuron's weights are next to each other.
*/

enum { INPUTS = 2, HIDDEN = 16, SAMPLES = 100, LANES = 8, BLOCKS = (SAMPLES + LANES - 1) / LANES };

typedef double Vector __attribute__((vector_size(LANES * sizeof(double))));
typedef long Mask __attribute__((vector_size(LANES * sizeof(long))));

static inline Vector where_positive(Vector condition, Vector x)
{
    return (Vector)((Mask)x & (Mask)(condition > 0.0));
}

static inline double total(Vector x)
{
    double sum = 0.0;
    for (int i = 0; i < LANES; i++)
        sum += x[i];
    return sum;
}

static double penalty_of(const double *p, double *gradient, int count, double l2)
{
    double sum = 0.0;
    for (int i = 0; i < count; i++) {
        sum += p[i] * p[i];
        gradient[i] += 2.0 * l2 * p[i];
    }
    return l2 * sum;
}

double moons_step(const double *x, const double *y, double l2,
                  const double *w1, const double *b1, const double *w2, const double *b2,
                  const double *w3, const double *b3,
                  double *dw1, double *db1, double *dw2, double *db2, double *dw3, double *db3)
{
    static const Vector zero;
    Vector gw1[HIDDEN][INPUTS] = {0}, gb1[HIDDEN] = {0}, gb2[HIDDEN] = {0}, gw3[HIDDEN] = {0};
    Vector gb3 = zero, hinge = zero;
    /* Four by four of these at once are kept in registers, over all samples. */
    Vector h1[BLOCKS][HIDDEN], d2[BLOCKS][HIDDEN];

    for (int block = 0; block < BLOCKS; block++) {
        Vector in[INPUTS], target = zero, h2[HIDDEN], d1[HIDDEN];
        for (int i = 0; i < INPUTS; i++)
            in[i] = zero;
        /* What is beyond the last sample has target 0: its hinge and its gradients are taken as 0. */
        Vector valid = zero;
        for (int lane = 0; lane < LANES; lane++) {
            int sample = block * LANES + lane;
            if (sample < SAMPLES) {
                in[0][lane] = x[INPUTS * sample];
                in[1][lane] = x[INPUTS * sample + 1];
                target[lane] = y[sample];
                valid[lane] = 1.0;
            }
        }
        for (int i = 0; i < HIDDEN; i++) {
            Vector z = b1[i] + w1[INPUTS * i] * in[0] + w1[INPUTS * i + 1] * in[1];
            h1[block][i] = where_positive(z, z);
        }
        Vector score = zero + b3[0];
        for (int i = 0; i < HIDDEN; i += 4) {
            Vector z[4] = {zero + b2[i], zero + b2[i + 1], zero + b2[i + 2], zero + b2[i + 3]};
            for (int j = 0; j < HIDDEN; j++)
                for (int k = 0; k < 4; k++)
                    z[k] += w2[HIDDEN * (i + k) + j] * h1[block][j];
            for (int k = 0; k < 4; k++) {
                h2[i + k] = where_positive(z[k], z[k]);
                score += w3[i + k] * h2[i + k];
            }
        }
        Vector margin = valid - target * score;
        Vector d3 = where_positive(margin, target * (-1.0 / SAMPLES));
        hinge += where_positive(margin, margin);
        gb3 += d3;
        for (int i = 0; i < HIDDEN; i++) {
            gw3[i] += d3 * h2[i];
            d2[block][i] = where_positive(h2[i], w3[i] * d3);
            gb2[i] += d2[block][i];
        }
        for (int j = 0; j < HIDDEN; j += 4) {
            Vector sum[4] = {zero, zero, zero, zero};
            for (int i = 0; i < HIDDEN; i++)
                for (int k = 0; k < 4; k++)
                    sum[k] += w2[HIDDEN * i + j + k] * d2[block][i];
            for (int k = 0; k < 4; k++)
                d1[j + k] = where_positive(h1[block][j + k], sum[k]);
        }
        for (int i = 0; i < HIDDEN; i++) {
            gb1[i] += d1[i];
            gw1[i][0] += d1[i] * in[0];
            gw1[i][1] += d1[i] * in[1];
        }
    }
    for (int i = 0; i < HIDDEN; i += 4)
        for (int j = 0; j < HIDDEN; j += 4) {
            Vector sum[4][4] = {{zero}};
            for (int block = 0; block < BLOCKS; block++)
                for (int k = 0; k < 4; k++)
                    for (int l = 0; l < 4; l++)
                        sum[k][l] += d2[block][i + k] * h1[block][j + l];
            for (int k = 0; k < 4; k++)
                for (int l = 0; l < 4; l++)
                    dw2[HIDDEN * (i + k) + j + l] = total(sum[k][l]);
        }
    for (int i = 0; i < HIDDEN; i++) {
        for (int j = 0; j < INPUTS; j++)
            dw1[INPUTS * i + j] = total(gw1[i][j]);
        db1[i] = total(gb1[i]);
        db2[i] = total(gb2[i]);
        dw3[i] = total(gw3[i]);
    }
    db3[0] = total(gb3);
    return total(hinge) * (1.0 / SAMPLES)
        + penalty_of(w1, dw1, HIDDEN * INPUTS, l2) + penalty_of(b1, db1, HIDDEN, l2)
        + penalty_of(w2, dw2, HIDDEN * HIDDEN, l2) + penalty_of(b2, db2, HIDDEN, l2)
        + penalty_of(w3, dw3, HIDDEN, l2) + penalty_of(b3, db3, 1, l2);
}
