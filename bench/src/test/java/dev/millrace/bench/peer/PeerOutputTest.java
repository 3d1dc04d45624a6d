package dev.millrace.bench.peer;

import dev.millrace.bench.BenchException;
import dev.millrace.bench.model.ModelTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

class PeerOutputTest {

    @Test
    void theTableOfLlamaBenchIsRead() {
        assertThat(PeerOutput.parse("""
                | model              |       size |   params | backend | threads |           test |\
                              t/s |
                | ------------------ | ---------: | -------: | ------- | ------: | -------------: |\
                 ---------------: |
                | llama 1B Q4_0      | 727.75 MiB |   1.24 B | CPU     |       2 |          pp512 |\
                    271.96 ± 0.93 |
                | llama 1B Q4_0      | 727.75 MiB |   1.24 B | CPU     |       2 |           tg64 |\
                     47.91 ± 1.02 |
                | llama 1B Q4_0      | 727.75 MiB |   1.24 B | CPU     |       2 |   tg64 @ d8192 |\
                     21.50 ± 0.00 |
                | llama 1B Q4_0      | 727.75 MiB |   1.24 B | CPU     |       2 |    pp512+tg128 |\
                    111.00 ± 0.00 |

                build: 1a2b3c4d (9888)
                """)).containsExactly(
                new PeerResult(ModelTest.prefill(512, 0), 271.96, 2),
                new PeerResult(ModelTest.decode(64, 0, 1), 47.91, 2),
                new PeerResult(ModelTest.decode(64, 8192, 1), 21.5, 2),
                new PeerResult(new ModelTest(512, 128, 0, 1, false), 111, 2));
    }

    /** Older versions show the threads only where they were given, and put blanks into names. */
    @ParameterizedTest
    @CsvSource({"pp 512, 512, 0, 0", "tg 128, 0, 128, 0", "pp64 @ d16, 64, 0, 16",
        "tg32@pp256, 0, 32, 256", "pp8+tg4 @ d2, 8, 4, 2"})
    void otherSpellingsOfTestsAreRead(String name, int prompt, int generated, int depth) {
        assertThat(PeerOutput.parse("| test | t/s |\n| --- | --- |\n| " + name + " | 12.5 |"))
                .containsExactly(new PeerResult(
                        new ModelTest(prompt, generated, depth, 1, false), 12.5, 0));
    }

    private static final String JSON = """
            {"build_commit": "1a2b3c4d", "n_threads": 2, "n_prompt": 0, "n_gen": 64,\
             "n_depth": 2048, "avg_ns": 1340000000, "avg_ts": 47.7612, "stddev_ts": 0.2,\
             "samples_ts": [ 47.5, 48.0 ]}""";

    @Test
    void theJsonOfLlamaBenchIsRead() {
        PeerResult expected = new PeerResult(ModelTest.decode(64, 2048, 1), 47.7612, 2);
        assertThat(PeerOutput.parse("warming up\n" + JSON + "\nbye\n")).containsExactly(expected);
        assertThat(PeerOutput.parse("[\n  " + JSON.replace(",", ",\n   ") + ",\n  "
                + JSON.replace("64", "65") + "\n]\n")).hasSize(2).startsWith(expected);
    }

    @Test
    void theTableOfLlamaBatchedBenchIsRead() {
        assertThat(PeerOutput.parse("""

                main: n_kv_max = 4096, n_batch = 2048, n_ubatch = 512, is_pp_shared = 0

                |    PP |     TG |    B |   N_KV |   T_PP s | S_PP t/s |   T_TG s | S_TG t/s |\
                      T s |    S t/s |
                |-------|--------|------|--------|----------|----------|----------|----------|\
                ----------|----------|
                |   128 |     32 |    1 |    160 |    0.520 |   246.15 |    0.700 |    45.71 |\
                    1.220 |   131.15 |
                |   128 |     32 |    8 |   1280 |    4.200 |   243.81 |    2.300 |   111.30 |\
                    6.500 |   196.92 |
                |   128 |      0 |    2 |    256 |    1.000 |   256.00 |    0.000 |     -nan |\
                    1.000 |   256.00 |

                llama_perf_context_print: load time = 100.00 ms
                """)).containsExactly(
                new PeerResult(ModelTest.prefill(128, 0), 246.15, 0),
                new PeerResult(ModelTest.decode(32, 128, 1), 45.71, 0),
                new PeerResult(new ModelTest(128, 0, 0, 8, false), 243.81, 0),
                new PeerResult(ModelTest.decode(32, 128, 8), 111.3, 0),
                new PeerResult(new ModelTest(128, 0, 0, 2, false), 256, 0));
    }

    @Test
    void promptsAreSharedWhereTheLineAboveTheTableSaysSo() {
        assertThat(PeerOutput.parse("""
                main: n_kv_max = 1024, n_batch = 2048, is_pp_shared = 1, n_threads = 2

                | PP | TG | B | N_KV | S_PP t/s | S_TG t/s |
                |----|----|---|------|----------|----------|
                | 128 | 0 | 1 | 128 | 201.00 | nan |
                | 128 | 32 | 4 | 640 | 200.00 | 90.00 |
                """)).containsExactly(new PeerResult(ModelTest.prefill(128, 0), 201, 0),
                new PeerResult(new ModelTest(128, 0, 0, 4, true), 200, 0),
                new PeerResult(ModelTest.decode(32, 128, 4), 90, 0));
    }

    @Test
    void theJsonOfLlamaBatchedBenchIsRead() {
        assertThat(PeerOutput.parse("""
                {"n_kv_max": 4096, "n_batch": 2048, "is_pp_shared": 0, "n_threads": 2, "pp": 128,\
                 "tg": 32, "pl": 4, "n_kv": 640, "t_pp": 2.0, "speed_pp": 256.0, "t_tg": 1.3,\
                 "speed_tg": 98.46, "t": 3.3, "speed": 193.9}
                """)).containsExactly(new PeerResult(new ModelTest(128, 0, 0, 4, false), 256, 2),
                new PeerResult(ModelTest.decode(32, 128, 4), 98.46, 2));
    }

    @Test
    void sharedPromptsAreKnownFromJsonToo() {
        assertThat(PeerOutput.parse("""
                {"is_pp_shared": 1, "n_threads": 2, "pp": 32, "tg": 8, "pl": 4, "n_kv": 160,\
                 "speed_pp": 13.67, "speed_tg": 15.22}
                """)).first().isEqualTo(
                new PeerResult(new ModelTest(32, 0, 0, 4, true), 13.67, 2));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "nothing here\n", "| a | b |\n|---|---|\n| 1 | 2 |\n",
        "{\"some\": \"object\"}\n"})
    void textWithoutResultsHasNone(String text) {
        assertThat(PeerOutput.parse(text)).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '~', value = {
        "|test|t/s|\\n|dance|5.0| ~ a test that is not understood: \"dance\"",
        "|test|t/s|\\n||5.0| ~ a test that is not understood: \"\"",
        "|test|t/s|\\n|pp512|fast| ~ \"fast\" in the peer's output is no speed: {test=pp512,",
        "|test|t/s|\\n|pp512|1.2.3| ~ \"1.2.3\" in the peer's output is no speed",
        "|test|t/s|\\n|pp512|0.00 ± 0.00| ~ the peer reached 0.0 tokens/s in pp512",
        "|test|t/s|\\n|pp99999999999|5| ~ \"99999999999\" in the peer's output is no whole number",
        "|test|threads|t/s|\\n|pp1|1,2|5| ~ \"1,2\" in the peer's output is no whole number",
        "|test|t/s|\\n|pp512|5|\\n|pp512|6| ~ measured pp512 more than once",
        "{\"n_prompt\": 512, ~ the peer printed what is not JSON",
        "[\\n{\"n_prompt\": 1 ~ the peer's JSON does not end: [",
        "{\"n_prompt\": 512, \"avg_ts\": \"x\"} ~ the peer reached NaN tokens/s in pp512"})
    void resultsWithoutSenseAreQuoted(String text, String message) {
        assertThatExceptionOfType(BenchException.class)
                .isThrownBy(() -> PeerOutput.parse(text.replace("\\n", "\n")))
                .withMessageContaining(message);
    }
}
