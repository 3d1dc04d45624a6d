package dev.millrace.bench.report;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code bench report}: a page from files of results. */
@Command(name = "report", description = "Make an HTML page of one or more files of results.")
public final class ReportCommand implements Callable<Integer> {

    @Parameters(arity = "1..*", paramLabel = "RESULTS.jsonl", description = "Files of results.")
    private List<Path> files;

    @Option(names = "--html", required = true, paramLabel = "FILE",
            description = "The page to write; an older one is replaced.")
    private Path html;

    @Override
    public Integer call() throws IOException {
        HtmlReport report = new HtmlReport();
        for (Path file : files) {
            if (!Files.isRegularFile(file)) {
                throw new IllegalArgumentException("there is no file " + file);
            }
            report.addAll(file);
        }
        report.write(html);
        return 0;
    }
}
