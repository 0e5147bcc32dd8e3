#include "formats/torch_names.h"

#include <string.h>

/* From torch/storage.py, _dtype_to_storage_type_map and _new_dtypes. */
static const hd_torch_type types[] = {
    {"FloatStorage", "float32", HD_F32, NULL, 4},
    {"HalfStorage", "float16", HD_F16, NULL, 2},
    {"BFloat16Storage", "bfloat16", HD_BF16, NULL, 2},
    {"DoubleStorage", "float64", HD_F64, NULL, 8},
    {"LongStorage", "int64", HD_I64, NULL, 8},
    {"IntStorage", "int32", HD_I32, NULL, 4},
    {"ShortStorage", "int16", HD_I16, NULL, 2},
    {"CharStorage", "int8", HD_I8, NULL, 1},
    {"ByteStorage", "uint8", HD_U8, NULL, 1},
    {"BoolStorage", "bool", HD_BOOL, NULL, 1},
    {NULL, "uint64", HD_U64, NULL, 8},
    {NULL, "uint32", HD_U32, NULL, 4},
    {NULL, "uint16", HD_U16, NULL, 2},
    {NULL, "float8_e4m3fn", HD_F8_E4M3, NULL, 1},
    {NULL, "float8_e5m2", HD_F8_E5M2, NULL, 1},
    {NULL, "float8_e4m3fnuz", HD_U8, "float8_e4m3fnuz", 1},
    {NULL, "float8_e5m2fnuz", HD_U8, "float8_e5m2fnuz", 1},
    {NULL, "float8_e8m0fnu", HD_U8, "float8_e8m0fnu", 1},
    {NULL, "float4_e2m1fn_x2", HD_U8, "float4_e2m1fn_x2", 1},
    {NULL, "complex32", HD_U8, "complex32", 4},
    {"ComplexFloatStorage", "complex64", HD_U8, "complex64", 8},
    {"ComplexDoubleStorage", "complex128", HD_U8, "complex128", 16},
    {"QInt8Storage", "qint8", HD_U8, "qint8", 1},
    {"QUInt8Storage", "quint8", HD_U8, "quint8", 1},
    {"QInt32Storage", "qint32", HD_U8, "qint32", 4},
    {"UntypedStorage", NULL, HD_U8, NULL, 1},
};

static const hd_torch_name names[] = {
    {"collections", "OrderedDict", HD_TORCH_DICT},
    {"collections", "Counter", HD_TORCH_DICT},
    {"collections", "defaultdict", HD_TORCH_OTHER},
    {"builtins", "dict", HD_TORCH_DICT},
    {"__builtin__", "dict", HD_TORCH_DICT},
    {"builtins", "set", HD_TORCH_OTHER},
    {"__builtin__", "set", HD_TORCH_OTHER},
    {"builtins", "bytearray", HD_TORCH_OTHER},
    {"__builtin__", "bytearray", HD_TORCH_OTHER},
    {"builtins", "complex", HD_TORCH_OTHER},
    {"__builtin__", "complex", HD_TORCH_OTHER},
    {"_codecs", "encode", HD_TORCH_OTHER},
    {"torch", "device", HD_TORCH_OTHER},
    {"torch", "Tensor", HD_TORCH_OTHER},
    {"torch.nn.parameter", "Parameter", HD_TORCH_OTHER},
    {"torch.serialization", "_get_layout", HD_TORCH_OTHER},
    {"torch", "Size", HD_TORCH_SIZE},
    {"torch._utils", "_rebuild_tensor", HD_TORCH_TENSOR},
    {"torch._utils", "_rebuild_tensor_v2", HD_TORCH_TENSOR},
    {"torch._utils", "_rebuild_tensor_v3", HD_TORCH_TYPED_TENSOR},
    {"torch._utils", "_rebuild_parameter", HD_TORCH_PARAMETER},
    {"torch._utils", "_rebuild_parameter_with_state", HD_TORCH_PARAMETER},
    {"torch._tensor", "_rebuild_from_type_v2", HD_TORCH_SUBCLASS},
};

static bool equals(hd_pickled_text text, const char *expected) {
    return expected && text.size == strlen(expected) && memcmp(text.bytes, expected, text.size) == 0;
}

bool hd_torch_name_find(hd_pickled_text module, hd_pickled_text name, hd_torch_name *found) {
    for (size_t i = 0; i < HD_COUNT(names); i++) {
        *found = names[i];
        if (equals(module, names[i].module) && equals(name, names[i].name)) return true;
    }
    if (!equals(module, "torch") && !equals(module, "torch.storage")) return false;
    for (size_t i = 0; i < HD_COUNT(types); i++) {
        *found = (hd_torch_name){"torch", types[i].storage, HD_TORCH_STORAGE_CLASS, &types[i]};
        if (equals(name, types[i].storage)) return true;
        *found = (hd_torch_name){"torch", types[i].name, HD_TORCH_DTYPE, &types[i]};
        if (equals(name, types[i].name)) return true;
    }
    return false;
}
