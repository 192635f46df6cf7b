package Test::OhttpRelay::Points;

# Keys of secp256k1 to which a client's answer can be sealed: its base point (SEC 2, section
# 2.4.1), and twice that.

use strict;
use warnings;

use Exporter qw/import/;
our @EXPORT_OK = qw/BASE_POINT OTHER_POINT/;

use constant BASE_POINT => '79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798'
    . '483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8';
use constant OTHER_POINT => 'c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5'
    . '1ae168fea63dc339a3c58419466ceaeef7f632653266d0e1236431a950cfe52a';

1;
