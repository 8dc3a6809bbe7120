/*
 * rtneural_peer.cpp: what step.c measures, with RTNeural (https://github.com/jatinchowdhury18/RTNeural), whose layers
 * have sizes that the compiler knows. rtneural.sh builds it for each of RTNeural's back ends.
 *
 *     rtneural_peer
 *
 * Prints what step.c does: for each hidden size, nanoseconds a call of an LSTM and of a GRU, the least of many rounds.
 */
#include <RTNeural/RTNeural.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>
#include <type_traits>
#include <vector>

namespace
{
using matrix = std::vector<std::vector<float>>;

constexpr int rounds = 200, calls = 1000;

matrix random_matrix(int rows, int columns)
{
    static std::minstd_rand random;
    std::uniform_real_distribution<float> weight(-0.25f, 0.25f);
    matrix m(rows, std::vector<float>(columns));
    for (auto &row : m)
        for (auto &x : row)
            x = weight(random);
    return m;
}

template <typename Layer, int hidden> double measure()
{
    constexpr bool is_lstm = std::is_same_v<Layer, RTNeural::LSTMLayerT<float, 1, hidden>>;
    constexpr int gates = (is_lstm ? 4 : 3) * hidden;
    RTNeural::ModelT<float, 1, 1, Layer, RTNeural::DenseT<float, hidden, 1>> model;
    auto &layer = model.template get<0>();
    layer.setWVals(random_matrix(1, gates));
    layer.setUVals(random_matrix(hidden, gates));
    if constexpr (is_lstm)
        layer.setBVals(random_matrix(1, gates)[0]);
    else
        layer.setBVals(random_matrix(2, gates));
    auto &dense = model.template get<1>();
    const float bias[1] = {0};
    dense.setWeights(random_matrix(1, hidden));
    dense.setBias(bias);
    model.reset();

    alignas(64) float in[16] = {0.5f};
    volatile float out = 0;
    double least = 1e9;
    for (int round = 0; round < rounds; round++) {
        auto start = std::chrono::steady_clock::now();
        for (int i = 0; i < calls; i++)
            out = model.forward(in);
        std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - start;
        least = std::min(least, spent.count() / calls);
    }
    (void)out;
    return least;
}

template <int... hidden> void print_rows()
{
    (std::printf("%6d %10.0f %10.0f\n", hidden, measure<RTNeural::LSTMLayerT<float, 1, hidden>, hidden>(),
                 measure<RTNeural::GRULayerT<float, 1, hidden>, hidden>()),
     ...);
}
} // namespace

int main()
{
    print_rows<8, 16, 24, 32, 64, 128>();
}
