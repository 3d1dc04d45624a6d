package dev.millrace.server.cli;

import dev.millrace.models.store.ByteCounts;
import dev.millrace.server.cli.ModelReport.Memory;
import dev.millrace.server.cli.ModelReport.Part;
import dev.millrace.server.cli.ModelReport.Provenance;
import dev.millrace.server.cli.ModelReport.Tensor;
import java.io.PrintStream;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** A report for people. */
final class ModelReportTables {

    /** Elements of a list, and characters of a text, that are shown. */
    private static final int SHOWN_ELEMENTS = 6;
    private static final int SHOWN_CHARACTERS = 100;

    private final ModelReport report;
    private final PrintStream out;

    ModelReportTables(ModelReport report, PrintStream out) {
        this.report = report;
        this.out = out;
    }

    /** @param metadata the file's own, in full */
    void print(Map<String, Object> metadata) {
        printModel();
        out.println();
        if (report.provenance() != null) {
            printProvenance(report.provenance());
            out.println();
        }
        printMemory();
        out.println();
        TextTable table = new TextTable("METADATA", "");
        metadata.forEach((key, value) -> table.row(key, shown(value)));
        table.print(out);
        out.println();
        printTypes();
        out.println();
        printTensors(report.tensors(), out);
    }

    private void printModel() {
        TextTable table = new TextTable("MODEL", report.name())
                .row("architecture", report.architecture())
                .row("parameters", parameters())
                .row("layers", String.valueOf(report.layers()))
                .row("embedding", String.valueOf(report.embeddingSize()))
                .row("feed forward", feedForward())
                .row("heads", report.heads() + " of " + report.headSize() + ", "
                        + report.kvHeads() + " for keys and values")
                .row("vocabulary", String.valueOf(report.vocabularySize()))
                .row("context", report.contextTokens() + " tokens");
        if (report.pooling() != null) {
            table.row("pooling", report.pooling());
        }
        if (report.unproven() != null) {
            table.row("UNPROVEN", report.unproven());
        }
        table.row("tokenizer", part(report.tokenizer()))
                .row("chat template", part(report.chatTemplate()))
                .row("licence", report.licence().id() + (report.licence().restriction() == null
                        ? ""
                        : ": " + report.licence().restriction()))
                .print(out);
    }

    private String parameters() {
        long all = report.parameters();
        long active = report.activeParameters();
        return String.format("%,d", all)
                + (active == all ? "" : String.format(", of which %,d a token", active));
    }

    private String feedForward() {
        return report.feedForwardSize() + (report.experts() == null
                ? ""
                : " in each of " + report.experts().count() + " experts, "
                        + report.experts().chosen() + " a token");
    }

    private static String part(Part part) {
        return part.present() ? "yes" : "none: " + part.problem();
    }

    private void printProvenance(Provenance provenance) {
        TextTable table = new TextTable("SOURCE", provenance.source());
        if (provenance.revision() != null) {
            table.row("commit", provenance.revision());
        }
        table.row("pulled", provenance.pulled());
        provenance.files().forEach(file -> table.row("sha256",
                file.sha256() + "  " + file.name()));
        table.print(out);
    }

    /** The file is mapped and can be paged out; what stays is what the kernels pack from it. */
    private void printMemory() {
        Memory memory = report.memory();
        if (memory == null) {
            new TextTable("MEMORY", "not told: " + report.memoryProblem()).print(out);
            return;
        }
        String sequences = sequences(memory.sequences());
        TextTable table = new TextTable("MEMORY", memory.kv() == null
                ? memory.backend()
                : sequences + " of " + memory.contextTokens() + " tokens, cache in " + memory.kv()
                        + "; " + memory.backend())
                .row("weights in the file", ByteCounts.text(memory.fileWeightBytes()))
                .row("weights, packed", ByteCounts.text(memory.weightBytes()))
                .row("read for a token", ByteCounts.text(memory.stepWeightBytes()))
                .row("buffers", ByteCounts.text(memory.bufferBytes()));
        if (memory.kv() != null) {
            table.row("cache", ByteCounts.text(memory.cacheBytes()));
        }
        for (int gpu = 0; gpu < memory.gpuBytes().size(); gpu++) {
            table.row("on GPU " + (gpu + 1) + " of " + memory.gpuBytes().size(),
                    ByteCounts.text(memory.gpuBytes().get(gpu)));
        }
        table.row("in all", ByteCounts.text(memory.totalBytes()) + (memory.fits()
                ? " of "
                : ", more than ") + ByteCounts.text(memory.limitBytes())
                + (memory.fits() ? "" : ": less will be cached, if it fits at all")).print(out);
        if (!memory.caches().isEmpty()) {
            out.println();
            TextTable caches = new TextTable("CACHE", "PER TOKEN", "1 SEQUENCE",
                    sequences.toUpperCase(Locale.ROOT) + " AND ALL ELSE");
            memory.caches().forEach(cache -> caches.row(cache.kv(),
                    ByteCounts.text(cache.bytesPerToken()),
                    ByteCounts.text(cache.bytesPerSequence()),
                    ByteCounts.text(cache.totalBytes())));
            caches.print(out);
        }
    }

    private static String sequences(int count) {
        return count + (count == 1 ? " sequence" : " sequences");
    }

    private void printTypes() {
        Map<String, List<Tensor>> byType = report.tensors().stream()
                .collect(Collectors.groupingBy(Tensor::type, TreeMap::new, Collectors.toList()));
        TextTable table = new TextTable("TYPE", "TENSORS", "SIZE", "MATRICES, PACKED");
        byType.forEach((type, tensors) -> table.row(type, String.valueOf(tensors.size()),
                ByteCounts.text(tensors.stream().mapToLong(Tensor::bytes).sum()),
                packed(tensors)));
        table.print(out);
    }

    private static String packed(List<Tensor> tensors) {
        return tensors.getFirst().format() == null
                ? "(not computable)"
                : tensors.stream().map(Tensor::packed).filter(Objects::nonNull).findFirst()
                        .orElse("");
    }

    static void printTensors(List<Tensor> tensors, PrintStream out) {
        TextTable table = new TextTable("TENSOR", "TYPE", "SHAPE", "SIZE");
        for (Tensor tensor : tensors) {
            table.row(tensor.name(),
                    tensor.type() + (tensor.format() == null ? " (not computable)" : ""),
                    tensor.shape().stream().map(String::valueOf)
                            .collect(Collectors.joining(" x ")),
                    ByteCounts.text(tensor.bytes()));
        }
        table.print(out);
    }

    private static String shown(Object value) {
        if (value instanceof List<?> list) {
            String elements = list.stream().limit(SHOWN_ELEMENTS).map(ModelReportTables::shown)
                    .reduce((left, right) -> left + ", " + right).orElse("");
            return "[" + elements + (list.size() > SHOWN_ELEMENTS
                    ? ", ... " + list.size() + " in all"
                    : "") + "]";
        }
        String text = value.toString().replace("\n", "\\n");
        return text.length() <= SHOWN_CHARACTERS
                ? text
                : text.substring(0, SHOWN_CHARACTERS) + "... " + text.length()
                        + " characters in all";
    }
}
