package dev.millrace.bench.report;

import dev.millrace.bench.Main;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

class HtmlReportTest {

    private static final String DECODE = """
            {"benchmark":"decode","model":"<b>&M</b>","kernels":"vector","threads":2,\
            "test":"tg64","tok_per_s":{"median":48.4,"least":45.2,"most":50.3},"gb_per_s":29.3,\
            "bandwidth_share":0.7101,"hardware":{"processor":"P","cores":2,"java":"25",\
            "commit":"abc"},"at":"2026-11-21T04:24:09Z"}""";

    @TempDir
    private Path folder;

    private static String page(String... lines) {
        HtmlReport report = new HtmlReport();
        for (String line : lines) {
            report.add(JsonMapper.shared().readTree(line));
        }
        return report.html();
    }

    @Test
    void aResultIsARowWithABar() {
        String page = page(DECODE, DECODE.replace("tg64", "tg8").replace("48.4", "12.1"));
        assertThat(page).contains("<td>tg64</td><td>48.40</td><td>45.20 – 50.30</td><td>29.3</td>"
                + "<td></td><td>71 %</td><td></td><td class=\"bar\"><i style=\"width:100.0%\">")
                .contains("<td>tg8</td><td>12.10</td>").contains("<i style=\"width:25.0%\">")
                .contains("P, 2 cores, Java 25, commit abc, 2026-11-21");
        assertThat(page.split("<table>")).as("one table").hasSize(2);
    }

    @Test
    void whatAModelIsCalledCannotBecomeMarkup() {
        assertThat(page(DECODE)).contains("&lt;b&gt;&amp;M&lt;/b&gt;, vector kernels, 2 thread(s)")
                .doesNotContain("<b>");
    }

    @Test
    void everySetupHasATableOfItsOwn() {
        assertThat(page(DECODE, DECODE.replace("\"threads\":2", "\"threads\":1"))
                .split("<table>")).hasSize(3);
    }

    @Test
    void resultsOfEarlierVersionsAreNamedByWhatTheyMeasured() {
        assertThat(page("{\"benchmark\":\"prefill\",\"tokens\":128}"))
                .contains("<td>pp128</td>");
        assertThat(page("{\"benchmark\":\"decode\",\"sequences\":2,\"depth\":16}"))
                .contains("<td>tg x 2 @ d16</td>");
    }

    @Test
    void kernelsAndComparisonsHaveTheirOwnColumns() {
        assertThat(page("{\"benchmark\":\"matmul\",\"kernels\":\"vector\",\"format\":\"Q8_0\","
                + "\"shape\":\"64x32\",\"rows\":4,\"micros\":12.34,\"gmac_per_s\":5}"))
                .contains("<td>Q8_0</td><td>64x32</td><td>4</td><td>12.3</td>");
        assertThat(page("{\"benchmark\":\"compare\",\"peer\":\"llama-bench\",\"test\":\"pp512\","
                + "\"tok_per_s\":{\"median\":2},\"peer_tok_per_s\":{\"median\":1},"
                + "\"ratio\":{\"median\":2,\"least\":1.9,\"most\":2.1}}"))
                .contains("beside llama-bench")
                .contains("<td>pp512</td><td>2.00</td><td>1.00</td><td>2.00</td>"
                        + "<td>1.90 – 2.10</td>");
    }

    @Test
    void thePageNeedsNothingElse() {
        assertThat(page(DECODE)).doesNotContain("<script").doesNotContain("http")
                .doesNotContain("src=").contains("prefers-color-scheme:dark");
    }

    @Test
    void theCommandMakesOnePageOfSeveralFiles() throws IOException {
        Path first = Files.writeString(folder.resolve("a.jsonl"), DECODE + "\n\n");
        Path second = Files.writeString(folder.resolve("b.jsonl"),
                DECODE.replace("tg64", "tg65") + "\n");
        Path page = folder.resolve("page.html");
        assertThat(Main.commandLine().execute("report", first.toString(), second.toString(),
                "--html", page.toString())).isZero();
        assertThat(page).content().contains("<td>tg64</td>").contains("<td>tg65</td>");
    }

    @Test
    void aLineThatIsNoResultIsNamed() throws IOException {
        Path file = Files.writeString(folder.resolve("a.jsonl"), DECODE + "\n{\"a\": 1}\n");
        assertThatIllegalArgumentException().isThrownBy(() -> new HtmlReport().addAll(file))
                .withMessageContaining("a.jsonl, line 2 is not a result");
        Path broken = Files.writeString(folder.resolve("b.jsonl"), "{oops\n");
        assertThatIllegalArgumentException().isThrownBy(() -> new HtmlReport().addAll(broken))
                .withMessageContaining("b.jsonl, line 1 is not JSON");
    }
}
