package dev.millrace.bench.gpu;

import dev.millrace.bench.model.ModelTest;
import dev.millrace.bench.peer.PairedTest;
import dev.millrace.bench.report.Hardware;
import dev.millrace.bench.report.HtmlReport;
import dev.millrace.bench.report.ResultLog;
import dev.millrace.kernels.KvFormat;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** Prints what was found, line by line, and keeps it as the other benchmarks do. */
final class GpuReport {

    private final GpuOptions options;
    private final GpuUnderTest gpu;
    private final ResultLog log;
    private final HtmlReport page = new HtmlReport();

    GpuReport(GpuOptions options, GpuUnderTest gpu) {
        this.options = options;
        this.gpu = gpu;
        log = new ResultLog(options.results, Hardware.detect());
    }

    void begin() {
        System.out.println(gpu.description(options.settings()));
        if (options.settings().products().library()) {
            System.out.println("products of " + options.settings().products().leastTokens()
                    + " tokens and more: " + options.settings().products().way().label());
        }
        if (gpu.emulated()) {
            System.out.println("  note: emulated, not a speed: only what is checked counts");
        }
        System.out.printf(Locale.ROOT, "checked against the processor's %s kernels, in floats%n",
                options.kernels);
    }

    /** @return whether it is right */
    boolean add(CheckResult check) throws IOException {
        System.out.println(check.line());
        append("gpu-check", check.asMap());
        return check.passed();
    }

    /** What the devices can do. */
    void add(GpuLimits probe) throws IOException {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("read_gb_per_s", probe.readGigabytesPerSecond());
        map.put("copy_gb_per_s", probe.copyGigabytesPerSecond());
        map.put("tflop_per_s", probe.teraflops());
        System.out.printf(Locale.ROOT, "memory is read at %.0f GB/s and copied at %.0f; the tensor"
                + " cores do %.1f TFLOP/s by mma.sync%n", map.values().toArray());
        append("gpu-probe", map);
    }

    void table(Subject subject, KvFormat format, String energy) {
        System.out.printf(Locale.ROOT, "%s, cache in %s; energy %s%n", subject.name(), format,
                energy);
        System.out.println(GpuMeasurement.HEADER);
    }

    void leftOut(ModelTest test, String reason) {
        System.out.printf(Locale.ROOT, "  %-20s left out: %s%n", test.label(), reason);
    }

    void add(Subject subject, KvFormat format, GpuMeasurement measurement) throws IOException {
        System.out.println(measurement.line());
        append("gpu", subject, format, measurement.asMap());
    }

    void add(Subject subject, KvFormat format, ExchangeTime time) throws IOException {
        System.out.println(time.line());
        append("gpu-exchange", subject, format, time.asMap());
    }

    void add(Subject subject, KvFormat format, String peer, PairedTest test)
            throws IOException {
        System.out.println("beside " + peer + "\n" + PairedTest.HEADER + "\n" + test.line());
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("peer", peer);
        map.put("kernels", "cuda");
        map.putAll(test.asMap());
        append("compare", subject, format, map);
    }

    private void append(String benchmark, Subject subject, KvFormat format,
            Map<String, Object> fields) throws IOException {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("model", subject.name());
        map.put("kv", format.name());
        map.putAll(fields);
        append(benchmark, map);
    }

    private void append(String benchmark, Map<String, Object> fields) throws IOException {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("device", gpu.info().name());
        map.put("capability", gpu.info().capabilityText());
        if (gpu.count() > 1) {
            map.put("devices", gpu.count());
        }
        if (gpu.emulated()) {
            map.put("emulated", "not a speed");
        }
        map.putAll(fields);
        page.add(log.append(benchmark, map));
    }

    /** Writes the page, if one was asked for. */
    void end() throws IOException {
        if (options.html != null) {
            page.write(options.html);
        }
    }
}
