package dev.millrace.server.embeddings;

import dev.millrace.server.openai.completion.Exchange;
import dev.millrace.server.tenants.RouteAccess;
import io.javalin.config.RoutesConfig;
import java.util.List;

/** The routes that answer with vectors, or with what follows from them. */
public final class EmbeddingRoutes {

    /** Jina's and vLLM's, and what Cohere's clients ask. */
    private static final List<String> RERANK = List.of(RerankHandler.ENDPOINT, "/rerank",
            "/v2/rerank");

    private final EmbeddingHandler embeddings;
    private final RerankHandler reranker;
    private final Exchange exchange;

    public EmbeddingRoutes(Embeddings embeddings, Exchange exchange) {
        this.embeddings = new EmbeddingHandler(embeddings);
        this.reranker = new RerankHandler(embeddings);
        this.exchange = exchange;
    }

    /** Adds the routes. */
    public void register(RoutesConfig routes) {
        routes.post(EmbeddingHandler.ENDPOINT,
                context -> exchange.json(context, embeddings::answer), RouteAccess.TENANTS);
        for (String path : RERANK) {
            routes.post(path, context -> exchange.json(context, reranker::answer),
                    RouteAccess.TENANTS);
        }
    }
}
