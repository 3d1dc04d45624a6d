package dev.millrace.server.http;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a server proves itself with, as PEM (RFC 7468).
 *
 * @param certificate its certificate, then those that lead to a root
 * @param key         its private key as PKCS #8, not encrypted
 */
public record TlsFiles(Path certificate, Path key) {

    /** Key stores in memory want one; it protects nothing. */
    static final String PASSWORD = "in memory only";
    private static final int MAX_BYTES = 1 << 20;
    private static final Pattern KEY = Pattern.compile(
            "-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\\s]+)-----END PRIVATE KEY-----");
    private static final byte[] PROBE = "the key must sign for the certificate".getBytes(
            StandardCharsets.US_ASCII);

    /** Finds out whether they can be used. @throws ServerStartException if not, with advice */
    public void require() {
        load();
    }

    /** Reads both. @throws ServerStartException if they cannot be used, with advice */
    KeyStore load() {
        try {
            Certificate[] chain = CertificateFactory.getInstance("X.509")
                    .generateCertificates(new ByteArrayInputStream(read(certificate)))
                    .toArray(Certificate[]::new);
            if (chain.length == 0) {
                throw new ServerStartException(certificate + " has no certificate; it must be PEM,"
                        + " with \"-----BEGIN CERTIFICATE-----\"");
            }
            PrivateKey privateKey = privateKey(chain[0].getPublicKey());
            KeyStore store = KeyStore.getInstance("PKCS12");
            store.load(null, null);
            store.setKeyEntry("server", privateKey, PASSWORD.toCharArray(), chain);
            return store;
        } catch (IOException | GeneralSecurityException e) {
            throw new ServerStartException("cannot use the certificate " + certificate
                    + " with the key " + key + ": " + e.getMessage(), e);
        }
    }

    private PrivateKey privateKey(PublicKey publicKey)
            throws IOException, GeneralSecurityException {
        String text = new String(read(key), StandardCharsets.ISO_8859_1);
        Matcher pem = KEY.matcher(text);
        if (!pem.find()) {
            throw new ServerStartException(key + (text.contains("PRIVATE KEY")
                    ? " has a private key of another kind; write it as PKCS #8 without a password:"
                            + " openssl pkcs8 -topk8 -nocrypt -in " + key + " -out new.pem"
                    : " has no private key; it must be PEM, with"
                            + " \"-----BEGIN PRIVATE KEY-----\""));
        }
        PrivateKey privateKey = KeyFactory.getInstance(publicKey.getAlgorithm()).generatePrivate(
                new PKCS8EncodedKeySpec(Base64.getMimeDecoder().decode(pem.group(1))));
        if (!belongTogether(privateKey, publicKey)) {
            throw new ServerStartException("the key " + key + " is not that of the certificate "
                    + certificate);
        }
        return privateKey;
    }

    private static boolean belongTogether(PrivateKey privateKey, PublicKey publicKey)
            throws GeneralSecurityException {
        Signature signature = Signature.getInstance(switch (publicKey.getAlgorithm()) {
            case "RSA" -> "SHA256withRSA";
            case "EC" -> "SHA256withECDSA";
            case String other -> other;
        });
        signature.initSign(privateKey);
        signature.update(PROBE);
        byte[] signed = signature.sign();
        signature.initVerify(publicKey);
        signature.update(PROBE);
        return signature.verify(signed);
    }

    private static byte[] read(Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new ServerStartException("there is no file " + file
                    + "; --tls-certificate and --tls-key must name PEM files");
        }
        if (Files.size(file) > MAX_BYTES) {
            throw new ServerStartException(file + " has more than " + MAX_BYTES + " bytes");
        }
        return Files.readAllBytes(file);
    }
}
