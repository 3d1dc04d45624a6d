package dev.millrace.engine.cpu.packed;

import dev.millrace.kernels.QuantFormat;
import dev.millrace.kernels.TensorShape;
import dev.millrace.kernels.WorkerPool;
import dev.millrace.models.WeightRole;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.assertThat;

/** Packed weights on disk: the same bytes come back, or none. */
class PackedFolderTest {

    private static final PackedSource SOURCE = new PackedSource(Path.of("/models/a.gguf"),
            "100 bytes", "layout 1");
    private static final long AMPLE = 1L << 30;

    @TempDir
    Path temporary;

    private final WorkerPool pool = WorkerPool.create(2);

    @AfterEach
    void closePool() {
        pool.close();
    }

    private Path place() {
        return temporary.resolve("packed");
    }

    private PackedFolder folder(long limitBytes) {
        return new PackedFolder(place(), limitBytes, 0);
    }

    /** Awkward sizes: a piece and a bit, exactly one, less than a page. */
    private static Map<PackedKey, MemorySegment> matrices() {
        Map<PackedKey, MemorySegment> matrices = new LinkedHashMap<>();
        Random random = new Random(1);
        int[] sizes = {PackedHeader.PIECE_BYTES + 64, PackedHeader.PIECE_BYTES, 192};
        for (int layer = 0; layer < sizes.length; layer++) {
            byte[] bytes = new byte[sizes[layer]];
            random.nextBytes(bytes);
            MemorySegment segment = Arena.ofAuto().allocate(bytes.length, 64);
            segment.copyFrom(MemorySegment.ofArray(bytes));
            matrices.put(new PackedKey(WeightRole.QUERY, layer, -1, QuantFormat.Q8_0,
                    TensorShape.matrix(16, 32)), segment);
        }
        return matrices;
    }

    private Path written(PackedSource source) {
        folder(AMPLE).write(source, matrices(), () -> false);
        return place().resolve(source.fileName());
    }

    private boolean opens(PackedSource source) {
        Optional<PackedFile> opened = folder(AMPLE).open(source, pool);
        opened.ifPresent(PackedFile::close);
        return opened.isPresent();
    }

    @Test
    void givesBackWhatWasWritten() {
        written(SOURCE);
        try (PackedFile file = folder(AMPLE).open(SOURCE, pool).orElseThrow()) {
            matrices().forEach((key, bytes) -> {
                assertThat(file.find(key).mismatch(bytes)).isEqualTo(-1);
                assertThat(file.find(key).address() % PackedHeader.ALIGNMENT_BYTES).isZero();
            });
            assertThat(file.find(new PackedKey(WeightRole.KEY, 0, -1, QuantFormat.Q8_0,
                    TensorShape.matrix(16, 32)))).isNull();
        }
        assertThat(folder(AMPLE).list()).singleElement().satisfies(stored -> {
            assertThat(stored.model()).isEqualTo(SOURCE.file());
            assertThat(stored.bytes()).isEqualTo(stored.file().toFile().length());
        });
    }

    @Test
    void aChangedByteAnywhereIsNoticedAndTheFileDeleted() throws IOException {
        byte[] sound = Files.readAllBytes(written(SOURCE));
        Path file = place().resolve(SOURCE.fileName());
        PackedHeader header = header(file);
        Random random = new Random(2);
        for (int i = 0; i < 20; i++) {
            byte[] damaged = sound.clone();
            PackedHeader.Entry entry = header.entries().get(i % 3);
            int at = i < 10
                    ? i * header.encoded().length / 10
                    : (int) (entry.offset() + random.nextLong(entry.bytes()));
            damaged[at] ^= (byte) (1 << random.nextInt(8));
            Files.write(file, damaged);

            assertThat(opens(SOURCE)).as("byte %d of %d", at, sound.length).isFalse();
            assertThat(file).doesNotExist();
        }
    }

    private static PackedHeader header(Path file) {
        try {
            return PackedFile.header(file);
        } catch (PackedFileException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void aFileThatIsCutShortOrLongerIsDeleted() throws IOException {
        byte[] sound = Files.readAllBytes(written(SOURCE));
        Path file = place().resolve(SOURCE.fileName());
        for (int length : new int[]{0, 1, 19, 20, 300, 4096, sound.length / 2, sound.length - 1,
            sound.length + 1}) {
            Files.write(file, Arrays.copyOf(sound, length));

            assertThat(opens(SOURCE)).as("%d bytes", length).isFalse();
            assertThat(file).doesNotExist();
        }
    }

    @Test
    void anythingElseUnderItsNameIsDeleted() throws IOException {
        Path file = written(SOURCE);
        Files.writeString(file, "GGUF".repeat(10_000));
        assertThat(opens(SOURCE)).isFalse();
        assertThat(file).doesNotExist();
    }

    @Test
    void anotherModelOrLayoutIsNotMistakenForIt() {
        written(SOURCE);
        PackedSource rebuilt = new PackedSource(SOURCE.file(), SOURCE.identity(), "layout 2");

        assertThat(opens(new PackedSource(SOURCE.file(), "101 bytes", SOURCE.layout()))).isFalse();
        assertThat(opens(rebuilt)).isFalse();
        assertThat(opens(SOURCE)).isTrue();

        written(rebuilt); // takes the place of what the other build wrote
        assertThat(opens(rebuilt)).isTrue();
        assertThat(opens(SOURCE)).isFalse();
        assertThat(folder(AMPLE).list()).hasSize(1);
    }

    @Test
    void aModelThatWasMovedKeepsItsWeights() {
        written(SOURCE);
        PackedSource moved = new PackedSource(Path.of("/elsewhere/a.gguf"), SOURCE.identity(),
                SOURCE.layout());
        assertThat(opens(moved)).isTrue();
    }

    @Test
    void theLeastRecentlyUsedMakeRoom() throws IOException {
        Path first = written(new PackedSource(Path.of("first.gguf"), "1", "layout"));
        Path second = written(new PackedSource(Path.of("second.gguf"), "2", "layout"));
        Files.setLastModifiedTime(first, FileTime.from(Instant.now().minusSeconds(9)));
        Files.setLastModifiedTime(second, FileTime.from(Instant.now().minusSeconds(99)));

        folder(Files.size(first) * 5 / 2).write(SOURCE, matrices(), () -> false);

        assertThat(second).doesNotExist();
        assertThat(first).exists();
        assertThat(opens(SOURCE)).isTrue();
    }

    @Test
    void whatIsLargerThanTheLimitIsNotKeptAndCostsNobodyElseHis() {
        Path other = written(new PackedSource(Path.of("other.gguf"), "1", "layout"));
        folder(1 << 20).write(SOURCE, matrices(), () -> false);

        assertThat(opens(SOURCE)).isFalse();
        assertThat(other).exists();
    }

    @Test
    void smallModelsArePackedEachTime() {
        new PackedFolder(place(), AMPLE).write(SOURCE, matrices(), () -> false);
        assertThat(place()).doesNotExist();
    }

    @Test
    void whoIsStoppedLeavesNothingAndTheDeadAreCleanedUpAfter() throws IOException {
        folder(AMPLE).write(SOURCE, matrices(), () -> true);
        assertThat(place()).isEmptyDirectory();

        Path dead = Files.createFile(place().resolve(SOURCE.fileName() + ".999999999.part"));
        Path odd = Files.createFile(place().resolve("odd.part"));
        Path file = written(SOURCE);
        assertThat(file).exists();
        assertThat(dead).doesNotExist();
        assertThat(odd).doesNotExist();
    }

    @Test
    void twoWhoWriteTheSameDoNotDisturbEachOther() throws IOException {
        Files.createDirectories(place());
        Path others = Files.createFile(place().resolve(SOURCE.fileName() + "."
                + ProcessHandle.current().pid() + ".part"));
        Path file = written(SOURCE);
        assertThat(others).exists();
        assertThat(file).doesNotExist();
    }

    @Test
    void aFolderThatCannotBeWrittenToIsDoneWithout() throws IOException {
        Files.writeString(place(), "a file");
        folder(AMPLE).write(SOURCE, matrices(), () -> false);
        assertThat(opens(SOURCE)).isFalse();
        assertThat(folder(AMPLE).list()).isEmpty();
    }

    @Test
    void removesWhatWasMadeFromAModelOrItsFolder() {
        Path file = written(SOURCE);
        assertThat(folder(AMPLE).remove(Path.of("/models/b.gguf"))).isZero();
        assertThat(folder(AMPLE).remove(Path.of("/models/a"))).isZero();
        long bytes = file.toFile().length();
        assertThat(folder(AMPLE).remove(Path.of("/models"))).isEqualTo(bytes);
        assertThat(file).doesNotExist();
    }

    @Test
    void writingChangesNothingInTheMatrices() {
        Map<PackedKey, MemorySegment> matrices = matrices();
        long sum = sum(matrices);
        folder(AMPLE).write(SOURCE, matrices, () -> false);
        assertThat(sum(matrices)).isEqualTo(sum);
    }

    private static long sum(Map<PackedKey, MemorySegment> matrices) {
        return matrices.values().stream().mapToLong(bytes -> {
            long sum = 0;
            for (long i = 0; i < bytes.byteSize(); i++) {
                sum = sum * 31 + bytes.get(ValueLayout.JAVA_BYTE, i);
            }
            return sum;
        }).sum();
    }
}
