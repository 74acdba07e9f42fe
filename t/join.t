#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The join cache: who comes later, or was away, is brought in sync without a
# key picture for all the others.

use warnings;
use strict;

use Test::More;

use JSON::PP;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::HTTP;
use Selkies::Picture;
use Selkies::WebSocket;
use Selkies::X;

# small, because a burst is decoded here from its first picture to its last
my ($w, $h) = (480, 360);
my $t = Selkies->new(x => "${w}x$h", timeout => 300, workers => 2);

$t->simple(listen => 'listen %%PORT_0%% reuseport;');

my $x = $t->x_client();

$x->tell('card');
$t->run();

sub status {
	my (undef, $body) = split /\r\n\r\n/, $t->http_get('/api/status'), 2;

	return decode_json($body);
}

sub count { status()->{statistics}{$_[0]} }

sub ext {
	my ($ws, @want) = @_;

	$ws->send_text('_ext,' . encode_json({ version => 'x', want => \@want }));
	$ws->wait_text(qr/^_ext,/);

	return $ws;
}

# A viewer with our extensions: it needs neither a delay nor a second key.

sub extended {
	my (@want) = @_;

	my $ws = ext(Selkies::WebSocket->new($t), @want);

	$ws->send_text('START_VIDEO');

	return $ws;
}

# A reload is over when the workers are others.

sub restart {
	my ($conf) = @_;

	my %old = map { $_ => 1 } $t->workers();

	$t->write_file('nginx.conf', $conf) if defined $conf;
	$t->reload();

	return wait_for(sub {
		my @workers = $t->workers();

		return @workers == 2 && !grep { $old{$_} } @workers;
	}, 10);
}

# The pictures; a burst takes a while to decode, and nobody may look dead.

sub pictures {
	return map { $_->round_trip(); $_->picture() } @_;
}

# How many of them differ from the first one.

sub different {
	my ($first, @others) = pictures(@_);

	return scalar grep { !$_ || $_->{data} ne $first->{data} } @others;
}

###############################################################################
# a screen that is still

my $c = Selkies::WebSocket->controller($t, $w, $h);

$x->draw(100, 100, 200, 200, '30a0f0');
ok($c->wait_pixel(200, 200, '30a0f0'), 'a controller');
$c->wait_quiet(1, 10);

my ($keys, $joins, $pictures) = map { count($_) } qw/ keys joins pictures /;
my @v = map { Selkies::WebSocket->viewer($t) } 2 .. 9;

ok($v[$_]->wait_pixel(200, 200, '30a0f0'), "viewer $_ of a still screen")
	for 0 .. 7;
ok($_->wait_until(sub { 2 <= grep { /^key/ } @{ $_->{log} } }, 4),
	'and its second key') for @v;
is(count('keys'), $keys, 'no key for it');
is(count('pictures'), $pictures, 'nor another picture');
cmp_ok(count('joins') - $joins, '>=', 16, 'all came from the cache');
is(different($c, @v), 0, 'to the last bit');
$_->close() for @v;

###############################################################################
# more pictures than the ring has places for

$c->send_text(Selkies::WebSocket::settings($w, $h, framerate => 240));
$x->tell('motion 240 400 300 16 16');
ok($c->wait_until(sub { @{ $c->{gop} } > 30 }, 10), 'something moves');
$keys = count('keys');
ok($c->wait_until(sub { @{ $c->{gop} } > 1060 }, 60), '1060 pictures of it');
$x->draw(300, 200, 60, 60, 'e0c020');
@v = map { Selkies::WebSocket->viewer($t) } 2 .. 9;
$x->tell('still');
$c->wait_quiet(1, 10);

my $bytes = 0;

$bytes += $_->{bytes} for @{ $c->{gop} };
note('a burst of ', scalar @{ $c->{gop} }, " pictures, $bytes bytes");

# each of the second keys comes with all that followed it

for my $v (@v) {
	$v->wait_until(sub { 2 <= grep { /^key/ } @{ $v->{log} } }, 10);
	$v->wait_quiet(0.5, 10);
	cmp_ok(scalar @{ $v->{gop} }, '>', 1024, 'a burst');
}

my ($picture, @others) = pictures($c, @v);

cmp_ok($picture->distance(330, 230, 'e0c020'), '<=', 12, 'the right picture');
is(scalar(grep { $_->{data} ne $picture->{data} } @others), 0,
	'for all of them');
is(count('keys'), $keys, 'no key');
is(scalar(grep { @{ $_->{errors} } } $c, @v), 0, 'no protocol error');

my @ids = map { $_->{id} } @{ $v[0]{gop} };

is(scalar(grep { $ids[$_] != ($ids[$_ - 1] + 1 & 0xffff) } 1 .. $#ids), 0,
	'in their order');
$_->close() for @v[1 .. 7];

# it follows

my $frames = $v[0]->{nframes};

$x->draw(300, 200, 60, 60, '20e0c0');
ok($v[0]->wait_until(sub { $v[0]->{nframes} > $frames }, 5),
	'what comes after it');
$v[0]->wait_quiet(0.5, 5);
is(different($c, $v[0]), 0, 'is the same');
$v[0]->close();

# who asks again and again is not sent it as often

my $greedy = extended();

$greedy->wait_frame(key => 1);
$greedy->wait_quiet(0.6, 10);
$greedy->forget();
$joins = count('joins');

my $start = clock();

$greedy->send_text('START_VIDEO') for 1 .. 40;
ok($greedy->wait_until(sub { count('joins') > $joins }, 5), 'once more');
$greedy->send_text('START_VIDEO') for 1 .. 40;
ok($greedy->wait_until(sub { count('joins') > $joins + 1 }, 5),
	'and again, late but never lost');
$greedy->wait_quiet(0.8, 10);
cmp_ok(count('joins') - $joins, '<=', 2 + 2 * (clock() - $start),
	'twice a second');
is(different($c, $greedy), 0, 'with the same picture');
$greedy->close();

###############################################################################
# another size: what was there is of no use

$c->send_text('r,400x300,primary');
ok($c->wait_frame(key => 1, w => 400, h => 300), 'another size');
$x->tell('card');
$keys = count('keys');

my $v = extended();

ok($v->wait_picture(sub { $_[0]->card_distance() <= 4 }), 'a viewer');
is(scalar(grep { $_->{w} != 400 } @{ $v->{frames} }), 0, 'of this size alone');
$v->close();
$c->send_text("r,${w}x$h,primary");
ok($c->wait_frame(key => 1, w => $w, h => $h), 'and back');
$x->tell('card');
$c->wait_quiet(1, 10);

###############################################################################
# how long it takes

my @took;

$keys = count('keys');

for (1 .. 5) {
	$start = clock();

	$v = Selkies::WebSocket->new($t);
	$v->send_text('_ext,{"version":"x","want":[]}', 'START_VIDEO');
	$v->wait_frame(key => 1);
	push @took, int 1e4 * (clock() - $start);
	$v->close();
}

note('connect -> first picture, ms: ', join ' ', map { $_ / 10 } @took);
cmp_ok((sort { $a <=> $b } @took)[2], '<', 2000 * slower(),
	'connected and served without a wait');
is(count('keys'), $keys, 'no key');

###############################################################################
# lite pictures and links of their chain: only for who takes them

ext($c, 'lite');
$x->draw(100, 100, 8, 8, '808080');
$c->wait_quiet(0.6, 10);
$keys = count('keys');

my $lites = count('lites');
my $n = 0;

while (count('lites') < $lites + 1060 && $n++ < 40) {
	$x->tell('motion 240 400 300 4 4');
	$c->run_for(0.5);
}

cmp_ok(count('lites') - $lites, '>', 1024,
	'more lite pictures than the ring has places for');
$x->tell('still');
$c->wait_quiet(0.6, 10);
$x->draw(100, 100, 8, 8, 'ff2020');
$c->wait_pixel(104, 104, 'ff2020');
$v = extended('lite');
ok($v->wait_pixel(104, 104, 'ff2020'), 'a viewer sees what the last one shows');
is(different($c, $v), 0, 'to the last bit');
is(count('keys'), $keys, 'no key');

# who was away, and whose place in the ring is another's

my $away = ext(Selkies::WebSocket->new($t, rcvbuf => 4096), 'lite');

$away->send_text('START_VIDEO');
$away->wait_pixel(104, 104, 'ff2020');
$away->pause();
$lites = count('lites');
$n = 0;
$x->tell('motion 240 400 300 4 4');

while (count('lites') < $lites + 1300 && $n++ < 40) {
	$c->run_for(0.5);
}

$x->tell('still');
$x->draw(100, 100, 8, 8, '20ff20');
$c->wait_pixel(104, 104, '20ff20');
$c->wait_quiet(0.6, 10);
$joins = count('joins');
$away->resume();
$n = $away->{nframes};
ok($away->wait_until(sub { $away->{nframes} > $n }, 10),
	'who was away comes back');
$away->wait_quiet(0.6, 10);
cmp_ok($away->picture()->distance(104, 104, '20ff20'), '<=', 12,
	'to the present picture');
is(different($c, $away), 0, 'to the last bit');
is(count('keys'), $keys, 'without a key');
is(count('joins'), $joins + 1, 'by the cache');
ok($away->is_open(), 'on the same socket');
$_->close() for $away, $v;

# what moves is a chain, of no use to who takes none

$x->tell('motion 30 100 60 256 192');
$c->run_for(0.3);
$x->tell('still');
$c->wait_quiet(0.8, 10);
$x->tell(sprintf 'copy 100 %d 256 192 0 16', 60 + 16 * $_) for 0 .. 3;
$c->wait_quiet(0.8, 10);
$keys = count('keys');
$v = extended();
ok($v->wait_frame(key => 1), 'a viewer without lite pictures');
$v->wait_quiet(0.8, 10);
$c->wait_quiet(0.8, 10);
is(different($c, $v), 0, 'sees the same');
cmp_ok(count('keys'), '<=', $keys + 1, 'by one key at most');
$keys = count('keys');

my $next = extended();

$next->wait_frame(key => 1);
$next->wait_quiet(0.8, 10);
is(different($c, $next), 0, 'so does the next one');
is(count('keys'), $keys, 'by none');
$_->close() for $v, $next;

###############################################################################
# the owner is killed, with a cache full of the past

ext($c);
$x->tell('card');
$c->wait_quiet(0.6, 10);

$x->draw(100, 100, 50, 50, '4040ff');
$t->kill_worker($t->owner());
$x->draw(100, 100, 50, 50, 'ff40ff');
$c->drop();
$c = Selkies::WebSocket->controller($t, $w, $h);
@v = map { extended() } 1 .. 4;
ok($c->wait_pixel(125, 125, 'ff40ff', 10), 'the owner was killed');
ok($v[$_]->wait_pixel(125, 125, 'ff40ff'), "viewer $_ sees the present")
	for 0 .. 3;
$_->close() for @v;

# a reload

$c->wait_quiet(0.6, 10);
ok(restart(), 'a reload');
ok($c->wait_close(5), 'says so');
$x->draw(100, 100, 50, 50, '40ff40');
$v = extended();
ok($v->wait_pixel(125, 125, '40ff40', 10), 'a viewer after it');
$v->close();
$c->drop();

###############################################################################
# too much for it: one key, which fills it again

my $conf = $t->read_file('nginx.conf');

ok(restart($conf =~ s/http \{/http { selkies_join_cache 512k;/r),
	'a smaller cache');
$c = Selkies::WebSocket->controller($t, $w, $h);
$x->tell('motion 60 0 0 320 240');
$bytes = count('bytes');

ok(wait_for(sub { $c->run_for(0.2); count('bytes') > $bytes + 1e6 }, 20),
	'more than it takes');
$x->tell('still');
$x->tell('card');
$c->wait_quiet(1, 10);
$keys = count('keys');
@v = map { Selkies::WebSocket->viewer($t, nowait => 1) } 2 .. 9;
ok($v[$_]->wait_picture(sub { $_[0]->card_distance() <= 4 }),
	"viewer $_ of them") for 0 .. 7;
$_->wait_until(sub { 2 <= grep { /^key/ } @{ $_->{log} } }, 4) for @v;
is(count('keys'), $keys + 1, 'one key for eight');
$c->wait_quiet(0.6, 5);
$_->wait_quiet(0.6, 5) for @v;
is(different($c, @v), 0, 'to the last bit');
$_->close() for @v;
$c->close();

###############################################################################
# none

ok(restart($conf =~ s/http \{/http { selkies_join_cache 0;/r), 'no cache');
$c = Selkies::WebSocket->controller($t, $w, $h);
$x->tell('card');
@v = map { extended() } 1 .. 3;
ok($v[$_]->wait_picture(sub { $_[0]->card_distance() <= 4 }),
	"viewer $_ sees the screen") for 0 .. 2;
is(count('joins'), 0, 'by keys of its own, or of the ring');
$_->close() for $c, @v;

$t->done();
