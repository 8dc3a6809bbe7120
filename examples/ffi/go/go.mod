module librnn/rnn

go 1.19
