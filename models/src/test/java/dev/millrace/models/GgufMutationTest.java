package dev.millrace.models;

import dev.millrace.kernels.KvFormat;
import dev.millrace.models.fixtures.TinyModels;
import dev.millrace.models.gguf.GgufException;
import dev.millrace.models.text.Tokenizer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeout;

/**
 * Breaks a sound file in thousands of seeded ways, most of them in the numbers that its structure
 * rests on. A broken file is refused with a {@link ModelException}, or opens and can be used;
 * nothing else may happen.
 */
class GgufMutationTest {

    private static final int MUTATIONS = 2000;
    private static final long SEED = 20_260_221;

    @TempDir
    Path folder;

    /** Where a number of the header lies, and how wide it is. */
    private record Field(int offset, int bytes) {}

    /** Follows the header as the format lays it out and notes every number that it passes. */
    private static final class Anatomy {

        private static final int[] SCALAR_BYTES = {1, 1, 2, 2, 4, 4, 4, 1, -1, -1, 8, 8, 8};

        private final List<Field> fields = new ArrayList<>();
        private final ByteBuffer file;

        Anatomy(byte[] bytes) {
            file = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
            number(4);
            number(4);
            long tensors = number(8);
            long entries = number(8);
            for (long i = 0; i < entries; i++) {
                text();
                value((int) number(4));
            }
            for (long i = 0; i < tensors; i++) {
                text();
                for (long dimensions = number(4); dimensions > 0; dimensions--) {
                    number(8);
                }
                number(4);
                number(8);
            }
        }

        int headerBytes() {
            return file.position();
        }

        private long number(int bytes) {
            fields.add(new Field(file.position(), bytes));
            return bytes == 8 ? file.getLong() : file.getInt();
        }

        private void text() {
            skip((int) number(8));
        }

        private void skip(int bytes) {
            file.position(file.position() + bytes);
        }

        private void value(int type) {
            switch (type) {
                case 8 -> text();
                case 9 -> {
                    int elementType = (int) number(4);
                    for (long count = number(8); count > 0; count--) {
                        value(elementType);
                    }
                }
                default -> {
                    if (SCALAR_BYTES[type] == 4) {
                        fields.add(new Field(file.position(), 4));
                    }
                    skip(SCALAR_BYTES[type]);
                }
            }
        }
    }

    @Test
    void aBrokenFileIsRefusedOrUsableButNeverWorse() throws IOException {
        byte[] sound = TinyModels.llama().layers(1).sizes(32, 32).heads(2, 1, 16)
                .tiedEmbeddings(true).attentionBias(true).ropeFactors(true).writer().toBytes();
        Anatomy anatomy = new Anatomy(sound);
        // Most of the numbers are lengths of the vocabulary's pieces; a few of those are enough.
        List<Field> fields = anatomy.fields;
        List<Field> structure = IntStream.range(0, fields.size())
                .filter(i -> i < 50 || i > fields.size() - 150 || i % 23 == 0)
                .mapToObj(fields::get).toList();
        Random random = new Random(SEED);
        Path path = folder.resolve("mutated.gguf");
        int refused = 0;
        for (int round = 0; round < MUTATIONS; round++) {
            byte[] mutant = mutate(sound, anatomy, structure, random);
            Files.write(path, mutant);
            try {
                assertTimeout(Duration.ofSeconds(60), () -> use(path));
            } catch (ModelException e) {
                assertThat(e).as("round " + round).hasMessageContaining(path.toString());
                assertThat(e.getCause() == null || e.getCause() instanceof GgufException)
                        .as("round %d: %s", round, e.getCause()).isTrue();
                refused++;
            } catch (Throwable e) {
                throw new AssertionError("round " + round + " of seed " + SEED, e);
            }
        }
        assertThat(refused).as("refusals").isBetween(MUTATIONS / 4, MUTATIONS - 100);
    }

    private static byte[] mutate(byte[] sound, Anatomy anatomy, List<Field> structure,
            Random random) {
        byte[] mutant = sound.clone();
        switch (random.nextInt(8)) {
            case 0 -> {
                return Arrays.copyOf(sound, random.nextInt(sound.length));
            }
            case 1 -> {
                int cut = random.nextInt(anatomy.headerBytes());
                int removed = 1 + random.nextInt(16);
                System.arraycopy(sound, cut + removed, mutant, cut, sound.length - cut - removed);
            }
            case 2, 3 -> {
                for (int i = 1 + random.nextInt(4); i > 0; i--) {
                    int at = random.nextInt(anatomy.headerBytes());
                    mutant[at] = (byte) random.nextInt(256);
                }
            }
            default -> {
                for (int i = 1 + random.nextInt(2); i > 0; i--) {
                    overwrite(mutant, structure.get(random.nextInt(structure.size())), random);
                }
            }
        }
        return mutant;
    }

    private static void overwrite(byte[] mutant, Field field, Random random) {
        ByteBuffer file = ByteBuffer.wrap(mutant).order(ByteOrder.LITTLE_ENDIAN);
        long old = field.bytes == 8 ? file.getLong(field.offset) : file.getInt(field.offset);
        long[] choices = {0, 1, 2, 3, 8, 9, 12, 13, 31, 42, -1, old + 1, old - 1, old * 2, old ^ 64,
            1L << 31, Integer.MAX_VALUE, 1L << 32, Long.MAX_VALUE, Long.MIN_VALUE,
            mutant.length, Long.MAX_VALUE - 31, 1L << random.nextInt(63), random.nextLong()};
        long chosen = choices[random.nextInt(choices.length)];
        if (field.bytes == 8) {
            file.putLong(field.offset, chosen);
        } else {
            file.putInt(field.offset, (int) chosen);
        }
    }

    /** Does with a model what a server would: reads every weight and all the text there is. */
    private static void use(Path path) {
        try (Model model = Model.open(path)) {
            for (WeightRole role : WeightRole.values()) {
                int layers = role.perLayer() ? model.spec().layers() : 1;
                for (int layer = 0; layer < layers; layer++) {
                    model.weights().find(role, role.perLayer() ? layer : Weights.NO_LAYER,
                            role.perExpert() ? 0 : Weights.NO_EXPERT);
                }
            }
            assertThat(model.metadata().toString()).isNotEmpty();
            assertThat(model.tensors()).isNotEmpty();
            assertThat(model.footprint(KvFormat.F16).bytes(model.spec().contextTokens()))
                    .isPositive();
            if (model.tokenizer().isEmpty()) {
                assertThat(model.tokenizerProblem()).isPresent();
            } else {
                Tokenizer tokenizer = model.tokenizer().get();
                int[] tokens = tokenizer.encode("The end of the world </s> 🙂", true);
                assertThat(Arrays.stream(tokens))
                        .allMatch(token -> token < model.spec().vocabularySize());
                assertThat(tokenizer.decode(tokens)).isNotNull();
            }
        }
    }
}
