package dev.millrace.bench.serve;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoField;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Which requests come, and when.
 *
 * @param label    as results name it
 * @param clients  how many wait for their answers before they ask again; 0 for an open loop, where
 *                 requests come when they are due, however the server fares
 * @param requests in the order they are due
 * @param chats    how many conversations take turns; 0 where every request has a text of its own
 */
record Workload(String label, int clients, List<PlannedRequest> requests, int chats) {

    private static final DateTimeFormatter TRACE_TIME = new DateTimeFormatterBuilder()
            .appendPattern("yyyy-MM-dd HH:mm:ss")
            .appendFraction(ChronoField.NANO_OF_SECOND, 0, 9, true).toFormatter();

    Workload {
        requests = List.copyOf(requests);
        if (requests.isEmpty()) {
            throw new IllegalArgumentException("a workload needs at least one request");
        }
    }

    /** Requests that each have a text of their own. */
    Workload(String label, int clients, List<PlannedRequest> requests) {
        this(label, clients, requests, 0);
    }

    /**
     * Which text a request's prompt is the beginning of: of the same one, a longer prompt goes on
     * where a shorter one ends.
     */
    int text(int request) {
        return chats == 0 ? request : request % chats;
    }

    /**
     * Conversations that take turns, twice as many as there are clients, so that each rests while
     * others go on. A turn's prompt is the last one's with its answer and a new question; ids of
     * our own stand for the answer, which a server sends as text.
     *
     * @param turns          of each conversation
     * @param sharedTokens   that all of them begin with
     * @param questionTokens that a turn adds to the answer before it
     */
    static Workload chats(int clients, int turns, int sharedTokens, int questionTokens,
            int outputTokens) {
        List<PlannedRequest> requests = new ArrayList<>();
        int chats = Math.multiplyExact(2, clients);
        for (int turn = 0; turn < turns; turn++) {
            int prompt = sharedTokens + questionTokens + turn * (questionTokens + outputTokens);
            for (int chat = 0; chat < chats; chat++) {
                requests.add(new PlannedRequest(0, prompt, outputTokens));
            }
        }
        return new Workload(chats + " chats, " + turns + " turns", clients, requests, chats);
    }

    /** Clients that each wait for an answer before they ask again: what a fixed team does. */
    static Workload closed(int clients, int requestsEach, int promptTokens, int outputTokens) {
        List<PlannedRequest> requests = new ArrayList<>();
        for (int i = 0; i < Math.multiplyExact(clients, requestsEach); i++) {
            requests.add(new PlannedRequest(0, promptTokens, outputTokens));
        }
        return new Workload(clients + (clients == 1 ? " client" : " clients"), clients, requests);
    }

    /** Independent arrivals at a mean rate: what many strangers do. */
    static Workload poisson(double requestsPerSecond, int count, int promptTokens,
            int outputTokens, long seed) {
        if (!(requestsPerSecond > 0)) {
            throw new IllegalArgumentException("the rate must be above 0 requests per second, got "
                    + requestsPerSecond);
        }
        SplittableRandom random = new SplittableRandom(seed);
        List<PlannedRequest> requests = new ArrayList<>();
        double atSeconds = 0;
        for (int i = 0; i < count; i++) {
            atSeconds -= Math.log1p(-random.nextDouble()) / requestsPerSecond;
            requests.add(new PlannedRequest((long) (atSeconds * 1e9), promptTokens, outputTokens));
        }
        return new Workload("poisson " + requestsPerSecond + "/s", 0, requests);
    }

    /**
     * Requests as they came in production: a CSV file with the columns TIMESTAMP, ContextTokens and
     * GeneratedTokens, as Azure publishes them.
     *
     * @param speed      2 for twice as fast as they came
     * @param count      how many of its first requests
     * @param mostTokens what prompt and answer together are cut to
     * @throws IllegalArgumentException naming the first line that cannot be read
     */
    static Workload trace(Path file, double speed, int count, int mostTokens) throws IOException {
        if (!(speed > 0)) {
            throw new IllegalArgumentException("the speed must be above 0, got " + speed);
        }
        List<PlannedRequest> requests = new ArrayList<>();
        try (BufferedReader reader = Files.newBufferedReader(file)) {
            reader.readLine(); // titles
            LocalDateTime first = null;
            String line;
            for (int number = 2; requests.size() < count
                    && (line = reader.readLine()) != null; number++) {
                String[] cells = line.split(",", -1);
                try {
                    LocalDateTime at = LocalDateTime.parse(cells[0], TRACE_TIME);
                    first = first == null ? at : first;
                    int output = Math.clamp(Integer.parseInt(cells[2]), 1, mostTokens - 1);
                    int prompt = Math.clamp(Integer.parseInt(cells[1]), 1, mostTokens - output);
                    requests.add(new PlannedRequest(
                            (long) (Duration.between(first, at).toNanos() / speed), prompt,
                            output));
                } catch (DateTimeParseException | NumberFormatException
                        | ArrayIndexOutOfBoundsException e) {
                    throw new IllegalArgumentException(file + ", line " + number + " is no"
                            + " \"time,context tokens,generated tokens\": " + line, e);
                }
            }
        }
        return new Workload("trace " + file.getFileName() + (speed == 1 ? "" : " x " + speed), 0,
                requests);
    }
}
