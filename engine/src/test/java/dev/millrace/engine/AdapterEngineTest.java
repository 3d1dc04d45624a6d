package dev.millrace.engine;

import dev.millrace.engine.cpu.TinyLora;
import dev.millrace.engine.fixtures.Answer;
import dev.millrace.engine.fixtures.RecordingObserver;
import dev.millrace.engine.fixtures.Requests;
import dev.millrace.engine.forward.CacheGeometry;
import dev.millrace.engine.forward.DeviceLostException;
import dev.millrace.engine.forward.ForwardPass;
import dev.millrace.engine.forward.SequenceRow;
import dev.millrace.engine.forward.StepBatch;
import dev.millrace.engine.forward.StepResult;
import dev.millrace.kernels.cpu.CpuKernels;
import dev.millrace.models.LoraAdapter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import static org.assertj.core.api.Assertions.*;

/** The engine with adapters: who runs with which, and when one may go. */
@Timeout(60)
class AdapterEngineTest {

    private static final EngineSettings CROWDED = new EngineSettings(8, 24, 128, 100, 10_000,
            true);
    private static final List<String> NAMES = List.of(TinyLora.NONE, "wide", "narrow", "even");

    /** A pass that counts its adapters and computes like the one that it wraps. */
    private static final class CountingPass implements ForwardPass {

        private final ForwardPass model;
        private final List<Integer> freed = new ArrayList<>();
        private int next = 10;
        private boolean lost;

        CountingPass(ForwardPass model) {
            this.model = model;
        }

        @Override
        public CacheGeometry cacheGeometry() {
            return model.cacheGeometry();
        }

        @Override
        public DeviceMemory memory() {
            return model.memory();
        }

        @Override
        public StepResult step(StepBatch batch) {
            return model.step(batch);
        }

        @Override
        public int loadAdapter(LoraAdapter adapter) {
            if (lost) {
                throw new DeviceLostException("the GPU 0 is lost", null);
            }
            return next++;
        }

        @Override
        public void unloadAdapter(int slot) {
            freed.add(slot);
        }

        @Override
        public void close() {
            model.close();
        }
    }

    private static BatchingEngine start(ForwardPass pass, int vocabularySize) {
        return BatchingEngine.start("adapters", pass, Vocabulary.idsOnly(vocabularySize), CROWDED,
                new DeviceLane(), new RecordingObserver());
    }

    /** One prompt for all: what one adapter has cached of it must be nothing to the others. */
    @Test
    void tokensAndCachedPrefixesBelongToTheAdapter() throws Exception {
        int[] prompt = TinyLora.prompt();
        Map<String, int[]> alone = new LinkedHashMap<>();
        for (String name : NAMES) {
            try (TinyLora tiny = new TinyLora(CpuKernels.scalar());
                    BatchingEngine engine = startLoaded(tiny)) {
                alone.put(name, Answer.of(engine.submit(request(tiny, name, prompt, 0))).ids());
            }
        }
        assertThat(alone.values()).doesNotHaveDuplicates();
        try (TinyLora tiny = new TinyLora(CpuKernels.scalar());
                BatchingEngine engine = startLoaded(tiny)) {
            for (int round = 0; round < 2; round++) {
                Map<String, Generation> together = new LinkedHashMap<>();
                for (String name : NAMES) {
                    together.put(name, engine.submit(request(tiny, name, prompt, round)));
                }
                for (String name : NAMES) {
                    Answer answer = Answer.of(together.get(name));
                    assertThat(answer.ids()).as(name).isEqualTo(alone.get(name));
                    assertThat(answer.finished().usage().cachedTokens()).as(name)
                            .isEqualTo(round == 0 ? 0 : 32);
                }
            }
        }
    }

    /** An engine that knows the slots which the model has filled before it. */
    private static BatchingEngine startLoaded(TinyLora tiny) {
        BatchingEngine engine = start(tiny.withoutAdapters(), tiny.vocabularySize());
        tiny.loadInto(engine::loadAdapter);
        return engine;
    }

    private static GenerationRequest request(TinyLora tiny, String name, int[] prompt, int round) {
        return Requests.of(name + round, prompt, 20).withAdapter(tiny.slot(name));
    }

    @Test
    void aDeviceThatIsLostWhileAnAdapterIsLoadedStopsTheEngine() {
        try (TinyLora tiny = new TinyLora(CpuKernels.scalar());
                LoraAdapter adapter = tiny.open("wide")) {
            CountingPass pass = new CountingPass(tiny.pass());
            pass.lost = true;
            BatchingEngine engine = start(pass, tiny.vocabularySize());

            assertThatExceptionOfType(OverloadException.class)
                    .isThrownBy(() -> engine.loadAdapter(adapter))
                    .withMessage("the GPU 0 is lost");
            assertThat(engine.failure()).hasValue("the GPU 0 is lost");
            assertThatExceptionOfType(OverloadException.class)
                    .isThrownBy(() -> engine.submit(Requests.of("late", new int[]{1}, 1)))
                    .withMessage("the GPU 0 is lost");
            engine.close();
        }
    }

    @Test
    void anAdapterGoesWhenItsLastRequestHasEnded() throws Exception {
        try (TinyLora tiny = new TinyLora(CpuKernels.scalar());
                LoraAdapter adapter = tiny.open("wide")) {
            CountingPass pass = new CountingPass(tiny.pass());
            AdapterSlots slots = new AdapterSlots(pass, new DeviceLane());
            int slot = slots.load(adapter);
            int unused = slots.load(adapter);
            slots.enter(slot);
            slots.enter(slot);

            slots.unload(unused);
            assertThat(pass.freed).containsExactly(unused);
            slots.unload(slot);
            assertThatThrownBy(() -> slots.enter(slot))
                    .isInstanceOf(UnloadedAdapterException.class)
                    .hasMessageContaining("no adapter is loaded in slot " + slot);
            assertThatThrownBy(() -> slots.unload(slot))
                    .isInstanceOf(UnloadedAdapterException.class);
            slots.leave(slot);
            assertThat(pass.freed).containsExactly(unused);
            slots.leave(slot);
            assertThat(pass.freed).containsExactly(unused, slot);
            assertThat(slots.load(adapter)).isGreaterThan(unused);
        }
    }

    /** The meter is told whose tokens went through how much of an adapter. */
    @Test
    void sharesSayWhichAdapterTheirTokensWentThrough() throws Exception {
        RecordingObserver books = new RecordingObserver();
        try (TinyLora tiny = new TinyLora(CpuKernels.scalar());
                LoraAdapter wide = tiny.open("wide");
                BatchingEngine engine = BatchingEngine.start("adapters", tiny.withoutAdapters(),
                        Vocabulary.idsOnly(tiny.vocabularySize()), CROWDED, new DeviceLane(),
                        books)) {
            tiny.loadInto(engine::loadAdapter);
            Generation with = engine.submit(request(tiny, "wide", TinyLora.prompt(), 0));
            Generation without = engine.submit(request(tiny, TinyLora.NONE, TinyLora.prompt(), 0));
            Answer.of(with);
            Answer.of(without);

            assertThat(wide.parameters()).isPositive();
            assertThat(books.steps().stream().flatMap(step -> step.shares().stream()))
                    .isNotEmpty().allSatisfy(share -> {
                        boolean adapted = share.requestId().startsWith("wide");
                        assertThat(share.adapterSlot()).isEqualTo(adapted
                                ? tiny.slot("wide")
                                : SequenceRow.NO_ADAPTER);
                        assertThat(share.adapterParameters())
                                .isEqualTo(adapted ? wide.parameters() : 0);
                    });
        }
    }

    @Test
    void aRequestForAnAdapterThatIsNotLoadedIsRefused() {
        try (TinyLora tiny = new TinyLora(CpuKernels.scalar());
                BatchingEngine engine = start(tiny.pass(), tiny.vocabularySize())) {
            GenerationRequest request = Requests.of("r", new int[]{1, 2}, 3).withAdapter(99);
            assertThatThrownBy(() -> engine.submit(request))
                    .isInstanceOf(UnloadedAdapterException.class)
                    .hasMessageContaining("slot 99");
            assertThat(engine.status().waiting()).isZero();
        }
    }
}
