/*
 * tensors.h: the parameters of a model as tensors of a file: names, shapes, numbers.
 */
#ifndef RNN_TENSORS_H
#define RNN_TENSORS_H

#include "network/model.h"
#include "storage/safetensors.h"

/* The modules that the tensors of a model belong to, as PyTorch's nn.RNN, nn.Linear and nn.Embedding have them. */
typedef enum model_module { MODULE_RNN, MODULE_DECODER, MODULE_EMBEDDING, MODULES } model_module;

/* What the modules are called in a file. A tensor is "MODULE.NAME", or "NAME" where the module's name is "". */
typedef struct module_names {
    const char *of[MODULES];
} module_names;

enum { MODULE_NAME_MOST = 200, TENSOR_NAME_MOST = MODULE_NAME_MOST + PARAMETER_NAME_MOST };

/* "rnn", "decoder", "embedding": librnn's own names of parameters begin so. */
extern const module_names librnn_standard_names;

/* Takes the standard name for each that is NULL. */
module_names librnn_names_or_standard(const module_names *names);

/* The module of a parameter. */
model_module librnn_module_of(const char *parameter);

/* What a file calls a parameter. */
void librnn_tensor_name(const module_names *names, const char *parameter, char name[TENSOR_NAME_MOST]);

/*
 * A layer has two biases in PyTorch. A model with RNN_BIAS_INPUT has one, and saves zeros as the other: this says
 * whether there is another one, and gives its name, "rnn.bias_hh_l0" for "rnn.bias_ih_l0" and the other way round.
 */
bool librnn_is_layer_bias(const named_parameter *p);
bool librnn_lacks_other_bias(const rnn_model *model, const named_parameter *p);
void librnn_name_other_bias(const named_parameter *p, char name[PARAMETER_NAME_MOST]);

/* "F32" or "F64": the type of a model's numbers. */
const char *librnn_model_type(const rnn_model *model);

/* Fails unless a tensor has this shape. */
rnn_status librnn_tensor_check_shape(const safetensor *tensor, int32_t rank, const int64_t *shape);

/* "[3][4]", or "of a single number" */
enum { SHAPE_TEXT_MOST = TENSOR_RANK_MOST * 22 + 1 };
void librnn_shape_text(int32_t rank, const int64_t *shape, char text[SHAPE_TEXT_MOST]);

/*
 * Writes what stands at a parameter's place in a buffer of the parameters' layout as a tensor of the parameter's shape,
 * and reads it back from a tensor of that shape and of the model's type. To write from NULL writes zeros.
 */
rnn_status librnn_parameter_write_to(rnn_sink *sink, const rnn_model *model, const named_parameter *p,
                                     const void *buffer);
rnn_status librnn_parameter_read_from(const safetensors_reader *reader, const safetensor *tensor,
                                      const rnn_model *model, const named_parameter *p, void *buffer);

#endif
