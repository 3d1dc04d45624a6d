package dev.millrace.models.safetensors;

import dev.millrace.models.fixtures.SafetensorsWriter;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeout;

/**
 * Breaks sound headers and indexes in thousands of seeded ways, most of them in the numbers, names
 * and braces that their structure rests on. A broken checkpoint is refused, or can be used whole.
 */
class SafetensorsMutationTest {

    private static final int MUTATIONS = 2000;
    private static final long SEED = 20_261_121;
    private static final Pattern TOKEN = Pattern.compile("\"[^\"]*\"|\\d+|[\\[\\]{}:,]");
    private static final String[] REPLACEMENTS = {"0", "1", "-1", "4", "8", "7", "1e3", "1.5",
        "18446744073709551616", "9223372036854775807", "4611686018427387904", "null", "true",
        "\"\"", "\"a\"", "\"F16\"", "\"I64\"", "\"F4\"", "\"dtype\"", "\"../x.safetensors\"",
        "\"one.safetensors\"", "[", "]", "{", "}", "[[[[[[[[[[", ",", ":", "", "[0,8]", "\\u0000"};

    @TempDir
    Path folder;

    /** Replaces, removes or repeats some of the JSON's tokens. */
    private static String mutateJson(String json, Random random) {
        Matcher matcher = TOKEN.matcher(json);
        List<String> tokens = new ArrayList<>(
                matcher.results().map(MatchResult::group).toList());
        for (int i = 1 + random.nextInt(3); i > 0; i--) {
            int at = random.nextInt(tokens.size());
            switch (random.nextInt(4)) {
                case 0 -> tokens.set(at, tokens.get(random.nextInt(tokens.size())));
                case 1 -> tokens.add(at, tokens.get(random.nextInt(tokens.size())));
                default -> tokens.set(at, REPLACEMENTS[random.nextInt(REPLACEMENTS.length)]);
            }
        }
        return String.join("", tokens);
    }

    private static byte[] mutateBytes(byte[] bytes, int headerBytes, Random random) {
        byte[] mutant = bytes.clone();
        switch (random.nextInt(3)) {
            case 0 -> {
                return Arrays.copyOf(bytes, random.nextInt(bytes.length));
            }
            case 1 -> ByteBuffer.wrap(mutant).order(ByteOrder.LITTLE_ENDIAN).putLong(0,
                    random.nextBoolean() ? random.nextLong() : random.nextInt(bytes.length));
            default -> {
                for (int i = 1 + random.nextInt(4); i > 0; i--) {
                    mutant[random.nextInt(headerBytes)] = (byte) random.nextInt(256);
                }
            }
        }
        return mutant;
    }

    /** Reads every weight, and touches its first and last byte. */
    private static void use(Path folder) {
        try (SafetensorsFolder files = SafetensorsFolder.open(folder)) {
            for (SafetensorsTensor tensor : files.tensors()) {
                if (tensor.bytes() > 0 && tensor.type().format().isPresent()) {
                    MemorySegment data = files.quantTensor(tensor).data();
                    data.get(ValueLayout.JAVA_BYTE, 0);
                    data.get(ValueLayout.JAVA_BYTE, data.byteSize() - 1);
                }
            }
        }
    }

    private boolean refused(int round) {
        try {
            assertTimeout(Duration.ofSeconds(60), () -> use(folder));
            return false;
        } catch (SafetensorsException e) {
            assertThat(e).as("round " + round).hasMessageContaining(folder.toString());
            return true;
        } catch (Throwable e) {
            throw new AssertionError("round " + round + " of seed " + SEED, e);
        }
    }

    @Test
    void aBrokenFileIsRefusedOrUsableButNeverWorse() throws IOException {
        SafetensorsWriter writer = new SafetensorsWriter().floats("a", new float[6], 2, 3)
                .halves("b", new float[4], 4).ints("c", new int[]{1, 2}, 2, 1)
                .tensor("d", "U8", new byte[0], 0);
        byte[] sound = writer.toBytes();
        String json = writer.json();
        byte[] data = Arrays.copyOfRange(sound, 8 + json.length(), sound.length);
        Random random = new Random(SEED);
        int refusals = 0;
        for (int round = 0; round < MUTATIONS; round++) {
            byte[] mutant = random.nextInt(4) == 0
                    ? mutateBytes(sound, 8 + json.length(), random)
                    : SafetensorsWriter.file(mutateJson(json, random), data);
            Files.write(folder.resolve("model.safetensors"), mutant);
            refusals += refused(round) ? 1 : 0;
        }
        assertThat(refusals).isBetween(MUTATIONS / 2, MUTATIONS - 10);
    }

    /** Headers as above, and the numbers that say which column belongs to which group. */
    @Test
    void aBrokenQuantisedCheckpointIsRefusedOrUsableButNeverWorse() throws IOException {
        SafetensorsWriter writer = new SafetensorsWriter()
                .ints("p.qweight", new int[8 * 16], 8, 16).ints("p.qzeros", new int[2 * 2], 2, 2)
                .halves("p.scales", new float[2 * 16], 2, 16).ints("p.g_idx", new int[64], 64)
                .ints("q.weight_packed", new int[16 * 4], 16, 4)
                .ints("q.weight_shape", new int[]{16, 32}, 2)
                .halves("q.weight_scale", new float[16], 16, 1)
                .tensor("r.weight", "I8", new byte[64], 2, 32)
                .floats("r.weight_scale", new float[2], 2, 1)
                .tensor("s.weight", "F8_E4M3", new byte[64], 2, 32)
                .floats("s.weight_scale_inv", new float[2], 1, 2);
        byte[] sound = writer.toBytes();
        String json = writer.json();
        byte[] data = Arrays.copyOfRange(sound, 8 + json.length(), sound.length);
        JsonNode config = JsonMapper.shared().readTree("{\"quant_method\":\"gptq\",\"bits\":4,"
                + "\"group_size\":32}");
        Random random = new Random(SEED);
        int refusals = 0;
        for (int round = 0; round < MUTATIONS; round++) {
            byte[] mutantData = data.clone();
            if (random.nextInt(4) == 0) {
                mutantData[random.nextInt(data.length)] = (byte) random.nextInt(256);
            }
            Files.write(folder.resolve("model.safetensors"), SafetensorsWriter.file(
                    random.nextInt(4) == 0 ? json : mutateJson(json, random), mutantData));
            try (Checkpoint checkpoint = Checkpoint.open(folder, config)) {
                for (CheckpointTensor tensor : checkpoint.tensors()) {
                    assertThat(checkpoint.read(tensor).data().byteSize())
                            .isEqualTo(tensor.bytes());
                }
            } catch (SafetensorsException e) {
                assertThat(e).as("round " + round).hasMessageContaining(folder.toString());
                refusals++;
            } catch (RuntimeException e) {
                throw new AssertionError("round " + round + " of seed " + SEED, e);
            }
        }
        assertThat(refusals).isBetween(MUTATIONS / 3, MUTATIONS - 100);
    }

    /** A quarter of the values are strange. */
    private static String strangeDescription(Random random) {
        String[] strange = {"0", "-1", "3", "1e3", "9223372036854775807", "1e400", "\"\"", "null",
            "\"x\"", "true", "[]", "{}", "[1]", "[-8,8]", "{\"a\":1}"};
        String[][] sound = {{"quant_method", "\"gptq\"", "\"awq\"", "\"fp8\"", "\"mxfp4\""},
            {"bits", "4"}, {"group_size", "32"}, {"checkpoint_format", "\"gptq_v2\""},
            {"weight_block_size", "[8,8]"}, {"format", "\"int-quantized\""},
            {"version", "\"gemm\""}, {"config_groups", "{}"}};
        StringBuilder json = new StringBuilder("{\"a\":1");
        for (String[] property : sound) {
            String value = random.nextInt(4) == 0
                    ? strange[random.nextInt(strange.length)]
                    : property[1 + random.nextInt(property.length - 1)];
            json.append(",\"").append(property[0]).append("\":").append(value);
        }
        return json.append("}").toString();
    }

    @Test
    void aStrangeDescriptionIsRefusedOrRead() throws IOException {
        new SafetensorsWriter().ints("p.qweight", new int[8 * 16], 8, 16)
                .ints("p.qzeros", new int[2 * 2], 2, 2).halves("p.scales", new float[2 * 16], 2, 16)
                .write(folder.resolve("model.safetensors"));
        Random random = new Random(SEED);
        int refusals = 0;
        for (int round = 0; round < MUTATIONS; round++) {
            String mutant = strangeDescription(random);
            try (Checkpoint checkpoint = Checkpoint.open(folder,
                    JsonMapper.shared().readTree(mutant))) {
                checkpoint.tensors().forEach(checkpoint::read);
            } catch (SafetensorsException e) {
                assertThat(e).as(mutant).hasMessageContaining(folder.toString());
                refusals++;
            } catch (RuntimeException e) {
                throw new AssertionError("round " + round + " of seed " + SEED + ": " + mutant, e);
            }
        }
        assertThat(refusals).isBetween(MUTATIONS / 2, MUTATIONS - MUTATIONS / 20);
    }

    @Test
    void aBrokenIndexIsRefusedOrUsableButNeverWorse() throws IOException {
        new SafetensorsWriter().floats("a", new float[6], 2, 3)
                .write(folder.resolve("one.safetensors"));
        new SafetensorsWriter().halves("b", new float[4], 4)
                .write(folder.resolve("two.safetensors"));
        String json = "{\"metadata\":{\"total_size\":32},\"weight_map\":"
                + "{\"a\":\"one.safetensors\",\"b\":\"two.safetensors\"}}";
        Random random = new Random(SEED);
        int refusals = 0;
        for (int round = 0; round < MUTATIONS; round++) {
            byte[] mutant = mutateJson(json, random).getBytes(StandardCharsets.UTF_8);
            Files.write(folder.resolve(ShardIndex.FILE_NAME), mutant);
            refusals += refused(round) ? 1 : 0;
        }
        assertThat(refusals).isBetween(MUTATIONS / 2, MUTATIONS - 10);
    }
}
