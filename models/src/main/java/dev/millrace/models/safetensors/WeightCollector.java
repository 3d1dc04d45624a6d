package dev.millrace.models.safetensors;

import dev.millrace.kernels.TensorShape;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Finds the weights that a quantised checkpoint holds in parts, and checks that parts fit. */
final class WeightCollector {

    private static final String WEIGHT = ".weight";
    private static final String BLOCKS = "_blocks";
    private static final String BIAS = ".bias";
    /** What belongs to activations and caches, which we keep in formats of our own. */
    private static final List<String> IGNORED_SUFFIXES = List.of(".input_scale",
            ".activation_scale", ".input_zero_point", ".output_scale", ".k_scale", ".v_scale",
            ".q_scale", ".input_scale_ub", ".kv_scale");
    private static final long MOST_COLUMNS = 1 << 24;

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED
            .withOrder(ByteOrder.LITTLE_ENDIAN);

    private final SafetensorsFolder folder;
    private final QuantizationConfig config;
    private final Map<String, StoredWeight> weights = new LinkedHashMap<>();
    private final Set<String> parts = new HashSet<>();

    private WeightCollector(SafetensorsFolder folder, QuantizationConfig config) {
        this.folder = folder;
        this.config = config;
    }

    /** Looks at every tensor. @throws SafetensorsException if parts are missing or do not fit */
    static WeightCollector collect(SafetensorsFolder folder, QuantizationConfig config) {
        WeightCollector collector = new WeightCollector(folder, config);
        folder.tensors().forEach(collector::visit);
        return collector;
    }

    /** The weights in parts by the names that they would have as plain tensors. */
    Map<String, StoredWeight> weights() {
        return weights;
    }

    /** Whether a tensor is a part of a weight, or none of ours. */
    boolean isPart(String name) {
        return parts.contains(name) || IGNORED_SUFFIXES.stream().anyMatch(name::endsWith)
                || isEmptyBias(name);
    }

    /** Writers of GPTQ files give every product a bias, of zeros where the model has none. */
    private boolean isEmptyBias(String name) {
        if (config.method() != QuantizationConfig.Method.GPTQ || !name.endsWith(BIAS)
                || !weights.containsKey(base(name, BIAS) + WEIGHT)) {
            return false;
        }
        SafetensorsTensor bias = folder.find(name).orElseThrow();
        return bias.type().format().isPresent() && FloatView.of(folder, bias).largest() == 0;
    }

    private void visit(SafetensorsTensor tensor) {
        String name = tensor.name();
        if (name.endsWith(".qweight")) {
            String base = base(name, ".qweight");
            add(base, switch (config.method()) {
                case AWQ -> awq(base, tensor);
                case GPTQ -> gptq(base, tensor);
                default -> throw refuse(base, "has a qweight, as GPTQ and AWQ have, but config.json"
                        + " says " + config.method());
            });
        } else if (name.endsWith(".weight_packed")) {
            String base = base(name, ".weight_packed");
            add(base, rowPacked(base, tensor));
        } else if (name.endsWith(BLOCKS) && config.method() == QuantizationConfig.Method.MXFP4) {
            String base = base(name, BLOCKS);
            weights.put(base, fourBitFloats(base, tensor));
        } else if (name.endsWith(WEIGHT)) {
            String base = base(name, WEIGHT);
            switch (tensor.type()) {
                case I8 -> add(base, bytes(base, tensor));
                case F8_E4M3, F8_E5M2 -> add(base, floatEight(base, tensor));
                default -> {
                }
            }
        }
    }

    private static String base(String name, String suffix) {
        return name.substring(0, name.length() - suffix.length());
    }

    private void add(String base, StoredWeight weight) {
        if (weights.put(base + WEIGHT, weight) != null) {
            throw refuse(base, "is stored twice, in different ways");
        }
    }

    private StoredWeight gptq(String base, SafetensorsTensor words) {
        int perWord = 32 / config.bits();
        requireMatrix(base, words, SafetensorsType.I32);
        long columns = extent(base, words, 0) * perWord;
        long rows = extent(base, words, 1);
        SafetensorsTensor scales = part(base, ".scales");
        SafetensorsTensor zeros = part(base, ".qzeros");
        long groupColumns = config.groupColumns() == 0 ? columns : config.groupColumns();
        long groups = groups(base, columns, groupColumns);
        if (rows % perWord != 0) {
            throw refuse(base, "has " + rows + " rows, which fill no whole words");
        }
        requireShape(base, scales, null, groups, rows);
        requireShape(base, zeros, SafetensorsType.I32, groups, rows / perWord);
        parts.add(words.name());
        FloatView scaleView = FloatView.of(folder, scales);
        return new IntegerWeight("GPTQ int" + config.bits() + grouped(groupColumns, columns),
                TensorShape.matrix(rows, columns), config.bits(),
                new GroupedCodes.Gptq(folder.data(words), folder.data(zeros), scaleView, rows,
                        config.bits(), config.addedToZero()),
                groups, groupIndex(base, ".g_idx", columns, groupColumns, groups), groupColumns,
                scaleView);
    }

    private StoredWeight awq(String base, SafetensorsTensor words) {
        requireMatrix(base, words, SafetensorsType.I32);
        long columns = extent(base, words, 0);
        long rows = extent(base, words, 1) * 8;
        SafetensorsTensor scales = part(base, ".scales");
        SafetensorsTensor zeros = part(base, ".qzeros");
        long groupColumns = config.groupColumns() == 0 ? columns : config.groupColumns();
        long groups = groups(base, columns, groupColumns);
        requireShape(base, scales, null, groups, rows);
        requireShape(base, zeros, SafetensorsType.I32, groups, rows / 8);
        parts.add(words.name());
        FloatView scaleView = FloatView.of(folder, scales);
        return new IntegerWeight("AWQ int4" + grouped(groupColumns, columns),
                TensorShape.matrix(rows, columns), 4, new GroupedCodes.Awq(folder.data(words),
                        folder.data(zeros), scaleView, rows),
                groups, null, groupColumns, scaleView);
    }

    private StoredWeight rowPacked(String base, SafetensorsTensor words) {
        requireMatrix(base, words, SafetensorsType.I32);
        SafetensorsTensor shape = part(base, ".weight_shape");
        long rows = extent(base, words, 0);
        long wordsPerRow = extent(base, words, 1);
        long columns = secondNumber(base, shape);
        int bits = columns > wordsPerRow * 4 ? 4 : 8;
        if ((columns + 32 / bits - 1) / (32 / bits) != wordsPerRow) {
            throw refuse(base, "has " + columns + " columns in " + wordsPerRow
                    + " words per row, which is neither 4 nor 8 bits each");
        }
        SafetensorsTensor scales = part(base, ".weight_scale");
        requireShape(base, scales, null, rows, -1);
        long groups = scales.dimensions().get(1);
        if (groups == 0 || columns % groups != 0) {
            throw refuse(base, "has " + groups + " groups for " + columns + " columns");
        }
        SafetensorsTensor zeros = optionalPart(base, ".weight_zero_point");
        if (zeros != null) {
            requireShape(base, zeros, SafetensorsType.I32, (rows * bits + 31) / 32, groups);
        }
        parts.add(words.name());
        FloatView scaleView = FloatView.of(folder, scales);
        long groupColumns = columns / groups;
        return new IntegerWeight("packed int" + bits + grouped(groupColumns, columns),
                TensorShape.matrix(rows, columns), bits,
                new GroupedCodes.RowPacked(folder.data(words),
                        zeros == null ? null : folder.data(zeros), scaleView, wordsPerRow, groups,
                        bits),
                groups, groupIndex(base, ".weight_g_idx", columns, groupColumns, groups),
                groupColumns, scaleView);
    }

    private StoredWeight fourBitFloats(String base, SafetensorsTensor codes) {
        SafetensorsTensor scales = part(base, "_scales");
        List<Long> extents = codes.dimensions();
        boolean fits = extents.size() == 4 && extents.get(3) == 16 && codes.bytes() > 0
                && codes.type() == SafetensorsType.U8 && scales.type() == SafetensorsType.U8
                && scales.dimensions().equals(extents.subList(0, 3));
        if (!fits) {
            throw refuse(base, "has codes of " + extents + " " + codes.type() + " and scales of "
                    + scales.dimensions() + " " + scales.type());
        }
        parts.add(codes.name());
        return new Mxfp4Weight(new TensorShape(extents.get(0), extents.get(1),
                extents.get(2) * 32), folder.data(codes), folder.data(scales));
    }

    private StoredWeight bytes(String base, SafetensorsTensor codes) {
        requireMatrix(base, codes, SafetensorsType.I8);
        long rows = extent(base, codes, 0);
        long columns = extent(base, codes, 1);
        SafetensorsTensor scales = part(base, ".weight_scale");
        boolean single = scales.elements() == 1 && rows != 1;
        if (!single && (rows == 0 || scales.elements() % rows != 0 || scales.elements() == 0)) {
            throw refuse(base, "has " + scales.elements() + " scales for " + rows + " rows");
        }
        long groups = single ? 1 : scales.elements() / rows;
        if (columns % groups != 0) {
            throw refuse(base, "has " + groups + " groups for " + columns + " columns");
        }
        SafetensorsTensor zeros = optionalPart(base, ".weight_zero_point");
        if (zeros != null && (zeros.type() != SafetensorsType.I8
                || zeros.elements() != scales.elements())) {
            throw refuse(base, "has zero points that do not fit its scales");
        }
        parts.add(codes.name());
        FloatView scaleView = FloatView.of(folder, scales);
        return new IntegerWeight("int8" + (single
                ? ", one scale"
                : grouped(columns / groups, columns)),
                TensorShape.matrix(rows, columns), 8, new GroupedCodes.Bytes(folder.data(codes),
                        zeros == null ? null : folder.data(zeros), scaleView, columns,
                        single ? 0 : groups),
                groups, null, columns / groups, scaleView);
    }

    private StoredWeight floatEight(String base, SafetensorsTensor codes) {
        requireMatrix(base, codes, codes.type());
        long rows = extent(base, codes, 0);
        long columns = extent(base, codes, 1);
        SafetensorsTensor scales = optionalPart(base, ".weight_scale_inv");
        if (scales == null) {
            scales = part(base, ".weight_scale");
        }
        parts.add(codes.name());
        FloatView view = FloatView.of(folder, scales);
        long blockRows = config.blockRows();
        long blockColumns = config.blockColumns();
        if (view.elements() == 1) {
            blockRows = rows;
            blockColumns = columns;
        } else if (view.elements() == rows) {
            blockRows = 1;
            blockColumns = columns;
        } else {
            requireShape(base, scales, null, (rows + blockRows - 1) / blockRows,
                    (columns + blockColumns - 1) / blockColumns);
        }
        return new FloatEightWeight(codes, folder.data(codes), view, blockRows, blockColumns);
    }

    private static String grouped(long groupColumns, long columns) {
        return groupColumns == columns ? ", a scale per row" : ", groups of " + groupColumns;
    }

    private SafetensorsTensor part(String base, String suffix) {
        SafetensorsTensor found = optionalPart(base, suffix);
        if (found == null) {
            throw refuse(base, "has no " + suffix.substring(1));
        }
        return found;
    }

    private SafetensorsTensor optionalPart(String base, String suffix) {
        SafetensorsTensor found = folder.find(base + suffix).orElse(null);
        if (found != null) {
            parts.add(found.name());
        }
        return found;
    }

    private long groups(String base, long columns, long groupColumns) {
        long groups = (columns + groupColumns - 1) / groupColumns;
        if (groups == 0) {
            throw refuse(base, "has no columns");
        }
        return groups;
    }

    /** @return null if groups are consecutive */
    private int[] groupIndex(String base, String suffix, long columns, long groupColumns,
            long groups) {
        SafetensorsTensor tensor = optionalPart(base, suffix);
        if (tensor == null) {
            return null;
        }
        if (tensor.type() != SafetensorsType.I32 || tensor.elements() != columns
                || columns > MOST_COLUMNS) {
            throw refuse(base, "has a " + suffix.substring(1) + " of " + tensor.dimensions()
                    + " " + tensor.type() + " for " + columns + " columns");
        }
        MemorySegment data = folder.data(tensor);
        int[] index = new int[(int) columns];
        boolean consecutive = true;
        for (int column = 0; column < columns; column++) {
            index[column] = data.get(GroupedCodes.INT, (long) column * Integer.BYTES);
            if (index[column] < 0 || index[column] >= groups) {
                throw refuse(base, "places column " + column + " in group " + index[column]
                        + " of " + groups);
            }
            consecutive &= index[column] == column / groupColumns;
        }
        return consecutive ? null : index;
    }

    private long secondNumber(String base, SafetensorsTensor shape) {
        if (shape.elements() != 2) {
            throw refuse(base, "has a shape of " + shape.elements() + " numbers");
        }
        MemorySegment data = folder.data(shape);
        long columns = switch (shape.type()) {
            case I64 -> data.get(LONG, Long.BYTES);
            case I32 -> data.get(GroupedCodes.INT, Integer.BYTES);
            default -> throw refuse(base, "has a shape of " + shape.type());
        };
        if (columns < 1 || columns > MOST_COLUMNS) {
            throw refuse(base, "says that it has " + columns + " columns");
        }
        return columns;
    }

    private void requireMatrix(String base, SafetensorsTensor tensor, SafetensorsType type) {
        if (tensor.dimensions().size() != 2 || tensor.type() != type || tensor.bytes() == 0) {
            throw refuse(base, "is " + tensor.dimensions() + " of " + tensor.type()
                    + ", where a matrix of " + type + " is needed");
        }
    }

    private long extent(String base, SafetensorsTensor tensor, int dimension) {
        long extent = tensor.dimensions().get(dimension);
        if (extent > MOST_COLUMNS) {
            throw refuse(base, "is " + tensor.dimensions() + ", which is too large");
        }
        return extent;
    }

    /** @param columns -1 for any */
    private void requireShape(String base, SafetensorsTensor tensor, SafetensorsType type,
            long rows, long columns) {
        List<Long> found = tensor.dimensions();
        boolean fits = found.size() == 2 && found.get(0) == rows
                && (columns < 0 || found.get(1) == columns)
                && (type == null || tensor.type() == type);
        if (!fits) {
            throw refuse(base, "needs " + tensor.name().substring(base.length() + 1) + " of ["
                    + rows + ", " + (columns < 0 ? "groups" : columns) + "], but has " + found
                    + " of " + tensor.type());
        }
    }

    private SafetensorsException refuse(String base, String problem) {
        return new SafetensorsException(folder.source() + ": the quantised weight "
                + Quoted.text(base) + " " + problem);
    }
}
