#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The encoder "jpeg": rows of 64 lines, only those that changed, refined when
# they rest; how a client joins, what one that was behind gets.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use JSON::PP;

use Selkies;
use Selkies::Rows;
use Selkies::X;

my $t = Selkies->new(x => '1280x720', timeout => 120);

# 474 lines: seven rows, and one of 26
my ($w, $h, $nrows) = (640, 474, 8);

$t->simple(location => 'selkies_encoder jpeg; selkies_jpeg_quality 60;
	selkies_paint_over_jpeg_quality 95;');

my $x = $t->x_client();

$x->tell('card');
$t->run();

sub ys { join ' ', map { $_->{y} } @_ }

my $all = join ' ', map { $_ * 64 } 0 .. $nrows - 1;

###############################################################################
# the start

my $c = Selkies::Rows->controller($t, $w, $h, nowait => 1);
my $settings = $c->wait_text(qr/server_settings/);

is_deeply(decode_json($settings || '{}')->{settings}{encoder},
	{ value => 'jpeg', allowed => [ 'jpeg' ] }, 'it is imposed');
ok($c->wait_rows($h, 10), 'a picture comes');

my ($first) = $c->ticks();

is(ys(@$first), $all, 'the first one is whole, from the top');
is(join(' ', map { "$_->{w}x$_->{h}" } @$first),
	join(' ', ("${w}x64") x 7, "${w}x26"), 'each of the full width');
is(scalar(grep { $_->{sampling} ne '420' } @$first), 0, '4:2:0 at first');
ok($c->wait_picture(sub { $_[0]->card_distance() <= 6 }, 8),
	'the colours are right') or diag($c->picture()->card_distance());

###############################################################################
# still: refined once, then nothing

ok($c->wait_quiet(1, 10), 'it settles');
is(scalar(grep { $_->[-1]{sampling} ne '444' } values %{ $c->{rows} }), 0,
	'every row in 4:4:4');
cmp_ok($c->picture()->card_distance(), '<=', 3, 'and closer');
$c->forget();
$x->tell('card');
$c->run_for(1);
# a repaint may bring a row once more that was read while it was drawn
cmp_ok(scalar @{ $c->{frames} }, '<=', $nrows, 'a repaint is no change');
$c->wait_quiet(0.7, 5);
$c->forget();
$x->tell('card');
$c->run_for(0.7);
is(scalar @{ $c->{frames} }, 0, 'nor a second one');

###############################################################################
# only what changed

$x->draw(30, 200, 40, 20, 'ff00ff');
# nothing is decoded meanwhile, so that the times are those of the arrival
ok($c->wait_until(sub { @{ $c->{frames} } >= 2 }, 3), 'a change comes');
$c->wait_quiet(0.7, 5);
ok($c->wait_pixel(50, 210, 'ff00ff', 3), 'and is right');

my @rows = @{ $c->{frames} };

is(join(' ', sort keys %{ { map { $_->{y} => 1 } @rows } }), '192',
	'in its row alone');
is($rows[0]{sampling}, '420', 'at first in 4:2:0');
is($rows[-1]{sampling}, '444', 'then refined');
is(scalar(grep { $_->{sampling} eq '444' } @rows), 1, 'once');
cmp_ok($rows[-1]{at} - $rows[0]{at}, '>=', 0.2, 'when it had rested');

$c->forget();
$x->draw(600, 120, 20, 16, '00ffff');
$x->draw(4, 470, 20, 4, 'ffff00');
ok($c->wait_pixel(610, 124, '00ffff', 3)
	&& $c->wait_pixel(610, 132, '00ffff', 3)
	&& $c->wait_pixel(12, 472, 'ffff00', 3, 30), 'over two rows, in the last');
$c->wait_quiet(0.7, 5);
is(join(' ', sort { $a <=> $b } keys %{ { map { $_->{y} => 1 }
	@{ $c->{frames} } } }), '64 128 448', 'these rows');

###############################################################################
# who comes later, who asks

$c->forget();
$c->send_text('REQUEST_KEYFRAME');
# from the ring, where a row that was sent anew since is not sent twice
ok($c->wait_until(sub {
	my %ys = map { $_->{y} => 1 } @{ $c->{frames} };

	return keys %ys == $nrows;
}, 3), 'all on request');
$c->wait_quiet(0.7, 5);
$c->forget();

my $v = Selkies::Rows->viewer($t, nowait => 1);

ok($v->wait_rows($h, 5), 'a viewer joins');
ok($v->wait_pixel(50, 210, 'ff00ff', 3), 'and sees what was there before');
$v->wait_quiet(1, 8);
cmp_ok($v->picture()->distance(50, 210, 'ff00ff'), '<=', 4, 'refined');
is("@{ $v->{errors} } @{ $c->{errors} }", ' ', 'no protocol errors');

###############################################################################
# a client that does not read costs the others nothing and gets the newest

$c->wait_quiet(0.7, 5);
$v->pause();
$x->tell('motion 30 0 0 640 474');
$c->run_for(0.5);

my $status = sub { decode_json($t->http_get('/api/status')
	=~ /\r\n\r\n(.*)/s ? $1 : '{}')->{statistics} };

$c->run_for(3);
$x->tell('still');
$x->draw(100, 300, 60, 60, '20c040');
ok($c->wait_pixel(130, 330, '20c040', 10, 20), 'the reader has the end');
$c->wait_quiet(0.7, 5);
$v->forget();
$v->resume();
ok($v->wait_pixel(130, 330, '20c040', 8, 20), 'so has who was behind');
$v->wait_quiet(1, 8);

my ($one, $two) = map { $_->picture() } $c, $v;
my $most = 0;

for my $i (0 .. 99) {
	my ($px, $py) = ($i % 10 * 63 + 5, int($i / 10) * 46 + 7);
	my $d = $two->distance($px, $py, [ $one->rgb($px, $py) ]);

	$most = $d if $d > $most;
}

is($most, 0, 'both see the same');
ok($v->is_open(), 'on the same socket');
ok($status->()->{pictures} > 30, 'pictures are counted');
$v->close();

###############################################################################
# another size

$c->forget();
$c->send_text('r,800x600,primary');
ok($c->wait_text(qr/^PIPELINE_RESETTING/, 5), 'a resize resets');
ok($c->wait_rows(600, 5), 'and brings every row');
is($c->{rows}{576}[-1]{h}, 24, 'the last one is what is left');
$c->close();

$t->done();
