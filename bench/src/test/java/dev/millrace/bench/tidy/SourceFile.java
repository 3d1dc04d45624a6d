package dev.millrace.bench.tidy;

import com.sun.source.tree.ClassTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.ImportTree;
import com.sun.source.tree.LineMap;
import com.sun.source.tree.MethodTree;
import com.sun.source.tree.Tree;
import com.sun.source.util.DocTrees;
import com.sun.source.util.JavacTask;
import com.sun.source.util.SourcePositions;
import com.sun.source.util.TreePath;
import com.sun.source.util.TreePathScanner;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.lang.model.element.Modifier;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;

/**
 * One Java source file as the tidy rules see it, read with the compiler's own parser.
 *
 * @param path               relative to the repository
 * @param lines              its text
 * @param methods            every method and its length
 * @param undocumentedTypes  public top-level types without a documentation comment
 * @param unusedImports      imported simple names that appear nowhere else
 */
record SourceFile(Path path, List<String> lines, List<Method> methods,
        List<String> undocumentedTypes, List<String> unusedImports) {

    /** A method and how many lines it takes, signature and braces included. */
    record Method(String name, int line, int length) {}

    private static final Pattern WORD = Pattern.compile("[A-Za-z_$][A-Za-z0-9_$]*");

    /** Reads every Java file below {@code sourceRoots}. */
    static List<SourceFile> readAll(Path repository, List<Path> files) {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        try (var fileManager = compiler.getStandardFileManager(null, null, null)) {
            JavacTask task = (JavacTask) compiler.getTask(null, fileManager, null,
                    List.of("-proc:none"), null, fileManager.getJavaFileObjectsFromPaths(files));
            DocTrees trees = DocTrees.instance(task);
            List<SourceFile> sources = new ArrayList<>();
            for (CompilationUnitTree unit : task.parse()) {
                sources.add(read(repository, unit, trees));
            }
            return sources;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static SourceFile read(Path repository, CompilationUnitTree unit, DocTrees trees)
            throws IOException {
        Path path = Path.of(unit.getSourceFile().toUri());
        List<Method> methods = new ArrayList<>();
        List<String> undocumented = new ArrayList<>();
        LineMap lineMap = unit.getLineMap();
        SourcePositions positions = trees.getSourcePositions();
        new TreePathScanner<Void, Void>() {
            @Override
            public Void visitMethod(MethodTree method, Void unused) {
                long start = positions.getStartPosition(unit, method);
                long end = positions.getEndPosition(unit, method);
                if (start >= 0 && end > start) {
                    int first = (int) lineMap.getLineNumber(start);
                    int last = (int) lineMap.getLineNumber(end);
                    methods.add(new Method(method.getName().toString(), first, last - first + 1));
                }
                return super.visitMethod(method, unused);
            }

            @Override
            public Void visitClass(ClassTree type, Void unused) {
                TreePath typePath = getCurrentPath();
                boolean topLevel = typePath.getParentPath().getLeaf()
                        .getKind() == Tree.Kind.COMPILATION_UNIT;
                if (topLevel && type.getModifiers().getFlags().contains(Modifier.PUBLIC)
                        && trees.getDocComment(typePath) == null) {
                    undocumented.add(type.getSimpleName().toString());
                }
                return super.visitClass(type, unused);
            }
        }.scan(unit, null);
        List<String> lines = Files.readAllLines(path);
        return new SourceFile(repository.relativize(path), lines, methods, undocumented,
                unusedImports(unit, lines));
    }

    /** A word anywhere else counts as a use, documentation comments included. */
    private static List<String> unusedImports(CompilationUnitTree unit, List<String> lines) {
        Set<String> words = new HashSet<>();
        for (String line : lines) {
            if (!line.startsWith("import ")) {
                Matcher matcher = WORD.matcher(line);
                while (matcher.find()) {
                    words.add(matcher.group());
                }
            }
        }
        List<String> unused = new ArrayList<>();
        for (ImportTree imported : unit.getImports()) {
            String name = imported.getQualifiedIdentifier().toString();
            String simpleName = name.substring(name.lastIndexOf('.') + 1);
            if (!simpleName.equals("*") && !words.contains(simpleName)) {
                unused.add(name);
            }
        }
        return unused;
    }

    boolean isTest() {
        return path.toString().contains("src/test/");
    }
}
