package dev.millrace.server.pages;

import dev.millrace.engine.fixtures.NextToken;
import dev.millrace.engine.fixtures.ScriptedForwardPass;
import dev.millrace.server.fixtures.Browser;
import dev.millrace.server.fixtures.LiveServer;
import dev.millrace.server.tenants.ApiKey;
import dev.millrace.server.tenants.KeyRing;
import dev.millrace.server.tenants.KeyStore;
import dev.millrace.server.tenants.Role;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

import static org.assertj.core.api.Assertions.*;
import static org.junit.jupiter.api.Assumptions.*;

/**
 * The chat page in a real browser, against a live server. {@code MILLRACE_PICTURES} names a folder
 * for pictures of it.
 */
@Timeout(300)
class ChatPageTest {

    private static final String ANSWER = """
            # Mills

            A *millrace* is **water**:

            * weir
            * wheel

            ```
            <b>code</b>
            ```

            [good](https://example.org/a) [bad](javascript:document.title='owned')
            <img src=x onerror="document.title='owned'">
            <script>document.title='owned'</script>
            """;
    private static final String DONE = "document.querySelector("
            + "'.assistant:last-child .foot button') !== null";

    @TempDir
    static Path profile;
    private static Browser browser;
    private LiveServer server;

    @BeforeAll
    static void startBrowser() throws Exception {
        assumeTrue(Browser.find().isPresent(), "no browser is installed: chromium");
        browser = Browser.start(profile);
    }

    @AfterAll
    static void stopBrowser() {
        if (browser != null) {
            browser.close();
        }
    }

    @AfterEach
    void stop() {
        if (server != null) {
            server.close();
        }
    }

    private void open(LiveServer started) {
        server = started;
        browser.forgive();
        browser.view(1100, 800, false);
        browser.open(server.uri("/"));
        browser.await("document.getElementById('model').value === 'scripted'");
    }

    private static void say(String text) {
        browser.type(text);
        browser.press("Enter");
    }

    @Test
    void aConversationByKeyboardAloneShowsWhatItCosts() throws Exception {
        open(LiveServer.saying("It grinds corn."));

        say("What does a mill do?");
        browser.await(DONE);

        assertThat(browser.text(".user .body")).isEqualTo("What does a mill do?");
        assertThat(browser.text(".assistant .body")).isEqualTo("It grinds corn.");
        assertThat(browser.text(".assistant .foot")).contains("16 tokens", "tokens/s", "$0.00003");
        String once = browser.text("#account");
        assertThat(once).contains("This conversation: $0.0000372, 53 tokens", "assumed");
        browser.press("Shift+Enter");
        say("And then?");
        browser.await("document.querySelectorAll('.assistant .foot button').length === 3");
        assertThat(browser.text("#account")).isNotEqualTo(once);
        assertThat(server.meter().finished()).hasSize(2);
        pictures("conversation");
        assertThat(browser.complaints()).isEmpty();
    }

    @Test
    void whatAModelWritesIsFormattedAndNeverRun() {
        open(LiveServer.saying(ANSWER));

        say("Tell me about mills");
        browser.await(DONE);

        assertThat(browser.text(".assistant h1")).isEqualTo("Mills");
        assertThat(browser.text(".assistant strong")).isEqualTo("water");
        assertThat(browser.value("document.querySelectorAll('.assistant li').length").intValue())
                .isEqualTo(2);
        assertThat(browser.text(".assistant pre").strip()).isEqualTo("<b>code</b>");
        assertThat(browser.value("[...document.querySelectorAll('.assistant a')].map(a => a.href)"
                + ".join()").stringValue()).isEqualTo("https://example.org/a");
        assertThat(browser.value("document.querySelectorAll('.body img, .body script').length")
                .intValue()).isZero();
        assertThat(browser.value("document.title").stringValue()).isEqualTo("Millrace");
        assertThat(browser.text(".assistant .body")).contains("<img src=x onerror=");
    }

    @Test
    void escapeStopsAnAnswerAndTheServerNotices() {
        open(LiveServer.endless(20_000_000).start());

        say("Go on");
        browser.await("document.querySelector('.assistant .body')?.innerText.length > 3");
        browser.press("Escape");
        browser.await(DONE);

        assertThat(browser.text(".assistant .foot")).contains("stopped");
        assertThat(browser.text("#account")).contains("and what was stopped");
        assertThat(browser.value("document.activeElement.id").stringValue()).isEqualTo("text");
        Awaitility.await().until(() -> server.meter().openAccounts() == 0);
    }

    @Test
    void aMessageCanBeEditedAndAnAnswerWrittenAgain() {
        open(LiveServer.saying("Yes."));
        say("first");
        browser.await(DONE);

        browser.press("ArrowUp");
        browser.await("document.activeElement.ariaLabel === 'Edit your message'");
        browser.type(" and second");
        browser.press("Enter");
        browser.await(DONE);
        assertThat(browser.text(".user .body")).isEqualTo("first and second");
        browser.value("[...document.querySelectorAll('button')]"
                + ".find(b => b.textContent === 'Regenerate').click()");
        browser.await(DONE + " && !document.getElementById('send').hidden");

        assertThat(browser.value("document.querySelectorAll('.message').length").intValue())
                .isEqualTo(2);
        Awaitility.await().until(() -> server.meter().finished().size() == 3);
    }

    @Test
    void settingsGoIntoTheRequest() {
        open(LiveServer.saying("A long answer that is cut off."));
        browser.value("document.getElementById('toggle').click()");
        browser.type("Be brief.");
        browser.press("Tab", "Tab");
        browser.type("5");
        browser.value("document.getElementById('text').focus()");

        say("Hello");
        browser.await(DONE);

        assertThat(browser.text(".assistant .body")).isEqualTo("A lon");
        assertThat(browser.text(".assistant .foot")).contains("cut off");
        // <s>system:Be brief.;user:Hello;assistant:
        assertThat(server.meter().finished().getFirst().usage().promptTokens())
                .isGreaterThan("<system:Be brief.;user:Hello;".length());
    }

    @Test
    void aKeyIsAskedForWhereOneIsNeeded(@TempDir Path folder) {
        try (KeyStore store = KeyStore.open(folder.resolve("ledger.db"))) {
            String secret = store.create(new ApiKey("", "page", "page", Role.TENANT, 0, 0,
                    Set.of(), 0, 0)).secret();
            try (KeyRing keys = KeyRing.open(folder.resolve("ledger.db"))) {
                server = LiveServer.with(new ScriptedForwardPass(NextToken.answer("Yes.")))
                        .keys(keys).start();
                browser.open(server.uri("/"));
                browser.await("document.getElementById('ask').open");
                say("sk-mill-wrong");
                browser.await("document.getElementById('ask-why').innerText.includes('unknown')");
                browser.await("document.getElementById('ask').open");
                say(secret);
                browser.await("document.getElementById('model').value === 'scripted'");

                say("Hello");
                browser.await(DONE);

                assertThat(browser.text(".assistant .body")).isEqualTo("Yes.");
                assertThat(browser.value("location.href + document.body.innerHTML").stringValue())
                        .doesNotContain(secret);
                stop();
                server = null;
            }
        }
        browser.value("sessionStorage.clear()");
    }

    private static void pictures(String name) throws IOException {
        String folder = System.getenv("MILLRACE_PICTURES");
        if (folder != null) {
            for (int width : List.of(1100, 390)) {
                for (boolean dark : List.of(false, true)) {
                    browser.view(width, 800, dark);
                    Files.write(Path.of(folder, name + "-" + width + (dark ? "-dark" : "-light")
                            + ".png"), browser.picture());
                }
            }
            browser.view(1100, 800, false);
        }
    }
}
