#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The cursor goes beside the picture: as a PNG, on change, to everybody, again
# for who comes later; never with handle 0 while it is visible.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use JSON::PP;
use MIME::Base64;

use Selkies;
use Selkies::WebSocket;
use Selkies::X;

my $t = Selkies->new(x => '640x480');

$t->simple();

my $x = $t->x_client();

$x->tell('card');
$x->tell('cursor 68');
$t->run();

my $c = Selkies::WebSocket->controller($t, 640, 480);

$c->send_text('m,320,240,0,0');

sub next_cursor {
	my ($ws, $condition) = @_;

	my $deadline = clock() + 5 * slower();

	while (clock() < $deadline) {
		my $text = $ws->wait_text(qr/^cursor,/, 2) or next;
		my $cursor = decode_json(substr $text, 7);

		return $cursor if $condition->($cursor);
	}

	return undef;
}

###############################################################################

my $seen = next_cursor($c, sub { $_[0]->{curdata} ne '' });

ok($seen, 'a cursor is sent');
ok($seen && $seen->{handle} != 0, 'with a handle');
cmp_ok($seen->{width}, '>', 0, 'a width');
cmp_ok($seen->{height}, '>', 0, 'a height');
ok($seen->{hotx} >= 0 && $seen->{hotx} < $seen->{width}
	&& $seen->{hoty} >= 0 && $seen->{hoty} < $seen->{height},
	'the hot spot lies inside');

my $png = decode_base64($seen->{curdata});

like($png, qr/^\x89PNG\r\n\x1a\n/, 'a PNG');
is(join('x', unpack 'x16 NN', $png), "$seen->{width}x$seen->{height}",
	'of that size');

$t->write_file('cursor.png', $png);

my $pixels = `ffmpeg -nostdin -loglevel quiet -i $t->{dir}/cursor.png -f rawvideo -pix_fmt rgba - 2>/dev/null`;

is(length $pixels, 4 * $seen->{width} * $seen->{height}, 'which decodes');

my @alpha = map { ord substr $pixels, 4 * $_ + 3, 1 }
	0 .. length($pixels) / 4 - 1;

ok((grep { $_ == 255 } @alpha) && (grep { $_ == 0 } @alpha),
	'with opaque and clear pixels');

# cropped: no empty row at the edges

my $w = $seen->{width};

ok((grep { $_ } @alpha[0 .. $w - 1]) && (grep { $_ } @alpha[-$w .. -1]),
	'cropped to what is visible');

###############################################################################

$x->tell('cursor 152');

my $other = next_cursor($c, sub { $_[0]->{curdata} ne $seen->{curdata} });

ok($other, 'another shape');
isnt($other && $other->{handle}, $seen->{handle}, 'another handle');

$x->tell('cursor -1');

my $hidden = next_cursor($c, sub { $_[0]->{curdata} eq '' });

ok($hidden, 'a hidden cursor');
is($hidden && $hidden->{handle}, 0, 'has handle 0');

$x->tell('cursor 68');
ok(next_cursor($c, sub { $_[0]->{curdata} eq $seen->{curdata} }),
	'the first one again');

# a late joiner knows it without a change

my $v = Selkies::WebSocket->new($t);
my $late = next_cursor($v, sub { 1 });

is($late && $late->{curdata}, $seen->{curdata}, 'who comes later is told');
like(join(' ', @{ $v->{log} }), qr/^MODE websockets cursor,/,
	'right after MODE');
$v->close();

# the picture does not have it

$c->wait_quiet(1, 10);
cmp_ok($c->picture()->card_distance(), '<=', 4, 'the card is not covered');
$c->forget();
$c->send_text(map { 'm,' . (100 + $_) . ',100,0,0' } 1 .. 100);
$c->round_trip();
$c->run_for(0.7);
is(scalar @{ $c->{frames} }, 0, 'moving the pointer makes no frame');

# a flood of shapes

$c->forget();
$x->tell('cursor ' . 2 * $_) for 1 .. 70;
$x->tell('cursor 68');
ok(next_cursor($c, sub { $_[0]->{curdata} eq $seen->{curdata} }),
	'after many changes the last one is right');
$c->close();

$t->done();
