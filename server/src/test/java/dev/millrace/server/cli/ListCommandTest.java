package dev.millrace.server.cli;

import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.SimpleFileServer;
import com.sun.net.httpserver.SimpleFileServer.OutputLevel;
import dev.millrace.engine.cpu.packed.PackedFolder;
import dev.millrace.engine.cpu.packed.PackedSource;
import dev.millrace.models.fixtures.TinyModels;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

import static org.assertj.core.api.Assertions.assertThat;

class ListCommandTest {

    @TempDir
    Path folder;

    @Test
    void writesJsonAsDocumented() throws IOException {
        CommandLineFixture cli = new CommandLineFixture(folder.resolve("home"));
        Path file = TinyModels.llama().write(folder);
        HttpServer server = SimpleFileServer.createFileServer(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), file.getParent(),
                OutputLevel.NONE);
        server.start();
        try {
            assertThat(cli.run("pull", "http://127.0.0.1:" + server.getAddress().getPort() + "/"
                    + file.getFileName()).status()).isZero();
        } finally {
            server.stop(0);
        }

        JsonNode listing = DocumentedJson.parse("list", cli.run("list", "--json").out());

        assertThat(listing.path("stored")).hasSize(1);
        JsonNode stored = listing.path("stored").get(0);
        assertThat(stored.at("/provenance/source").stringValue()).isNotEmpty();
        assertThat(stored.at("/provenance/files/0/bytes").longValue())
                .isEqualTo(stored.path("bytes").longValue()).isEqualTo(file.toFile().length());
        JsonNode offered = listing.path("catalog").get(0);
        assertThat(offered.path("name").stringValue()).isEqualTo("tinyllama");
        assertThat(offered.at("/licence/id").stringValue()).isEqualTo("Apache-2.0");
        assertThat(DocumentedJson.parse("inspect", cli.run("inspect", "--json",
                stored.at("/provenance/name").stringValue()).out()).at("/provenance"))
                .isEqualTo(stored.path("provenance"));
        showsAndRemovesPackedWeights(cli, Path.of(stored.path("path").stringValue()),
                stored.at("/provenance/name").stringValue());
    }

    private void showsAndRemovesPackedWeights(CommandLineFixture cli, Path model, String name)
            throws IOException {
        PackedFolder packed = new PackedFolder(folder.resolve("home/packed"), 1 << 20, 0);
        for (Path source : List.of(model, folder.resolve("other.gguf"))) {
            packed.write(new PackedSource(source, source.toString(), "layout"), Map.of(),
                    () -> false);
        }
        assertThat(cli.run("list").out()).contains("packed weights of " + model);
        assertThat(DocumentedJson.parse("list", cli.run("list", "--json").out())
                .path("packed").findValuesAsString("model"))
                .containsExactlyInAnyOrder(model.toString(), folder.resolve("other.gguf")
                        .toString());

        assertThat(cli.run("rm", name).out()).contains("of its packed weights");
        assertThat(packed.list()).extracting(PackedFolder.Stored::model)
                .containsExactly(folder.resolve("other.gguf"));
    }
}
