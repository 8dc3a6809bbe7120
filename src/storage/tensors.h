/*
 * tensors.h: a model's parameters as tensors of a file: names, shapes and numbers.
 */
#ifndef RNN_TENSORS_H
#define RNN_TENSORS_H

#include "network/model.h"
#include "storage/safetensors.h"

/* The modules that a model's tensors belong to. They correspond to PyTorch's nn.RNN, nn.Linear and nn.Embedding. */
typedef enum model_module { MODULE_RNN, MODULE_DECODER, MODULE_EMBEDDING, MODULES } model_module;

/* The names of the modules in a file. A tensor's name is "MODULE.NAME", or "NAME" if the module's name is "". */
typedef struct module_names {
    const char *of[MODULES];
} module_names;

enum { MODULE_NAME_MOST = 200, TENSOR_NAME_MOST = MODULE_NAME_MOST + PARAMETER_NAME_MOST };

/* "rnn", "decoder" and "embedding". The library's own parameter names begin with these. */
extern const module_names librnn_standard_names;

/* Replaces each name that is NULL with the standard name. */
module_names librnn_names_or_standard(const module_names *names);

/* The module of a parameter. */
model_module librnn_module_of(const char *parameter);

/* Writes the name of a parameter's tensor in a file. */
void librnn_tensor_name(const module_names *names, const char *parameter, char name[TENSOR_NAME_MOST]);

/*
 * In PyTorch a layer has two biases. A model with RNN_BIAS_INPUT has one, and saves zeros as the other. These functions
 * tell whether a parameter is a layer's bias, whether the model lacks the other bias, and the other's name:
 * "rnn.bias_hh_l0" for "rnn.bias_ih_l0" and vice versa.
 */
bool librnn_is_layer_bias(const named_parameter *p);
bool librnn_lacks_other_bias(const rnn_model *model, const named_parameter *p);
void librnn_name_other_bias(const named_parameter *p, char name[PARAMETER_NAME_MOST]);

/* The type of a model's numbers, "F32" or "F64". */
const char *librnn_model_type(const rnn_model *model);

/* Fails unless a tensor has this shape. */
rnn_status librnn_tensor_check_shape(const safetensor *tensor, int32_t rank, const int64_t *shape);

/* Writes a shape such as "[3][4]", or "of a single number". */
enum { SHAPE_TEXT_MOST = TENSOR_RANK_MOST * 22 + 1 };
void librnn_shape_text(int32_t rank, const int64_t *shape, char text[SHAPE_TEXT_MOST]);

/*
 * Writes a parameter to a tensor of the same shape, or reads it from one, which must also have the model's type.
 * `buffer` has the layout of the model's parameters. Writing from NULL writes zeros.
 */
rnn_status librnn_parameter_write_to(rnn_sink *sink, const rnn_model *model, const named_parameter *p,
                                     const void *buffer);
rnn_status librnn_parameter_read_from(const safetensors_reader *reader, const safetensor *tensor,
                                      const rnn_model *model, const named_parameter *p, void *buffer);

#endif
